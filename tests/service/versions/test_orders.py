import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_store.layout import VersionRef
from service.versions.orders import Orders, Step, from_json, to_json

GRU_1, GRU_2 = VersionRef("gru", 1), VersionRef("gru", 2)
REFS = st.frozensets(st.builds(VersionRef, st.sampled_from(["gru", "lstm"]), st.integers(1, 9)))
STEPS = st.lists(st.builds(Step, st.integers(1, 99), st.just("2026-11-26T12:00:00+00:00")), min_size=1, max_size=20)
KEYS = st.tuples(st.sampled_from(["gru", "lstm", "a-b_c"]), st.sampled_from(["stable", "canary", "x1"]))
ORDERS = st.builds(Orders, st.dictionaries(KEYS, STEPS.map(tuple)), REFS, REFS)


@given(ORDERS)
def test_what_is_written_is_read(orders: Orders) -> None:
    assert from_json(to_json(orders)) == orders


def test_an_alias_points_to_the_last_of_its_steps_and_rolls_back_to_the_one_before() -> None:
    orders = Orders().pointed("gru", "stable", Step(1, "")).pointed("gru", "stable", Step(2, ""))
    assert orders.aliases == {("gru", "stable"): GRU_2}
    assert orders.rolled_back("gru", "stable").aliases == {("gru", "stable"): GRU_1}
    assert orders.without("gru", "stable") == Orders()


def test_rolling_back_twice_goes_back_twice_and_not_forth_again() -> None:
    orders = Orders()
    for version in (1, 2, 3):
        orders = orders.pointed("gru", "stable", Step(version, ""))
    assert orders.rolled_back("gru", "stable").rolled_back("gru", "stable").aliases == {("gru", "stable"): GRU_1}


def test_only_so_many_steps_are_remembered() -> None:
    orders = Orders()
    for version in range(1, 50):
        orders = orders.pointed("gru", "stable", Step(version, ""))
    assert [step.version for step in orders.history["gru", "stable"]] == list(range(30, 50))


def test_the_last_word_about_a_version_counts() -> None:
    assert Orders().with_unloaded(GRU_1).with_loaded(GRU_1, beside_policy=True) == Orders(loaded=frozenset({GRU_1}))
    assert Orders().with_loaded(GRU_1, beside_policy=True).with_unloaded(GRU_1) == Orders(unloaded=frozenset({GRU_1}))


def test_what_the_policy_wants_anyway_needs_no_order() -> None:
    assert Orders().with_unloaded(GRU_1).with_loaded(GRU_1, beside_policy=False) == Orders()


def test_orders_about_what_is_gone_are_dropped_and_aliases_stay() -> None:
    orders = Orders(loaded=frozenset({GRU_1}), unloaded=frozenset({GRU_2})).pointed("gru", "stable", Step(1, ""))
    left = orders.about([GRU_2])
    assert (left.loaded, left.unloaded) == (frozenset(), frozenset({GRU_2}))
    assert left.aliases == {("gru", "stable"): GRU_1}


def test_a_file_written_by_hand_may_be_short() -> None:
    document = {"form": 1, "aliases": {"gru": {"stable": [{"version": 2}]}}}
    assert from_json(json.dumps(document)).aliases == {("gru", "stable"): GRU_2}


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ([], "the file must be an object"),
        ({}, "form is None; this release knows 1"),
        ({"form": 2}, "form is 2"),
        ({"form": 1, "alias": {}}, "'alias' is not known"),
        ({"form": 1, "aliases": []}, "aliases must be an object"),
        ({"form": 1, "aliases": {"../x": {}}}, None),
        ({"form": 1, "aliases": {"../x": {"stable": [{"version": 1}]}}}, "'../x' is no name of a model"),
        ({"form": 1, "aliases": {"gru": []}}, "the aliases of 'gru' must be an object"),
        ({"form": 1, "aliases": {"gru": {"Stable": [{"version": 1}]}}}, "'Stable' is no alias"),
        ({"form": 1, "aliases": {"gru": {"latest": [{"version": 1}]}}}, "'latest' is no alias"),
        ({"form": 1, "aliases": {"gru": {"stable": []}}}, "gru/stable must be a list of at least one step"),
        ({"form": 1, "aliases": {"gru": {"stable": [2]}}}, "a step of gru/stable must be an object"),
        ({"form": 1, "aliases": {"gru": {"stable": [{"version": 0}]}}}, "gru/stable: 0 is no version"),
        ({"form": 1, "aliases": {"gru": {"stable": [{"version": True}]}}}, "gru/stable: True is no version"),
        ({"form": 1, "aliases": {"gru": {"stable": [{"version": "2"}]}}}, "gru/stable: '2' is no version"),
        ({"form": 1, "loaded": "gru/1"}, "loaded must be a list"),
        ({"form": 1, "loaded": ["gru"]}, "loaded: None is no version"),
        ({"form": 1, "unloaded": ["GRU/1"]}, "'GRU' is no name of a model"),
    ],
)
def test_what_is_no_order_is_told(document: object, said: str | None) -> None:
    if said is None:
        assert from_json(json.dumps(document)) == Orders()
        return
    with pytest.raises(ValueError, match=said):
        from_json(json.dumps(document))


@given(st.text())
def test_whatever_stands_in_the_file_gives_orders_or_is_refused(text: str) -> None:
    try:
        orders = from_json(text)
    except ValueError:
        return
    assert orders == from_json(to_json(orders))


def test_what_is_nested_a_hundred_thousand_deep_is_told() -> None:
    with pytest.raises(ValueError, match="nested too deeply"):
        from_json("[" * 100_000)
