import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.versions.policy import Known, Policy, aspired, parse

VERSIONS = st.frozensets(st.integers(1, 9))
POLICIES = st.builds(Policy, latest=st.integers(1, 4)) | st.builds(Policy, only=VERSIONS) | st.just(Policy())


@st.composite
def known(draw: st.DrawFn) -> Known:
    """Draw what can be known at once: what is refused is not ready."""
    refused = draw(VERSIONS)
    return Known(draw(VERSIONS), refused, draw(VERSIONS) - refused, draw(VERSIONS), draw(VERSIONS), draw(VERSIONS))


@pytest.mark.parametrize(
    ("text", "model", "expected"),
    [
        ("latest(2)", "gru", "latest(2)"),
        (" all ", "gru", "all"),
        ("specific( 3,1 , 2)", "gru", None),
        ("specific(3,1, 2)", "gru", "specific(1,2,3)"),
        ("latest(1); gru=specific(1,3) ;chatbot = all", "gru", "specific(1,3)"),
        ("latest(1); gru=specific(1,3) ;chatbot = all", "chatbot", "all"),
        ("latest(1); gru=specific(1,3) ;chatbot = all", "lstm", "latest(1)"),
        ("gru=all", "lstm", "latest(2)"),
        ("", "gru", "latest(2)"),
        ("gru=latest(3);", "gru", "latest(3)"),
    ],
)
def test_the_setting_is_read(text: str, model: str, expected: str | None) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="is no policy"):
            parse(text)
    else:
        assert str(parse(text).of(model)) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("latest", "'latest' is no policy; there are latest"),
        ("latest(0)", "numbers begin at 1"),
        ("latest(-1)", "is no policy"),
        ("specific()", "is no policy"),
        ("specific(01)", "is no policy"),
        ("latest(1); all", "two policies without the name of a model"),
        ("gru=all;gru=all", "two policies of gru"),
        ("GRU=all", "'GRU=all' names no model"),
        ("gru=", "'' is no policy"),
        ("=all", "names no model"),
    ],
)
def test_what_cannot_be_meant_is_told(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse(text)


def test_the_newest_so_many_are_served() -> None:
    assert aspired(Policy(2), Known(listed={1, 2, 3})).serve == {2, 3}
    assert aspired(Policy(5), Known(listed={1, 2, 3})).serve == {1, 2, 3}
    assert aspired(Policy(), Known(listed={1, 2, 3})).serve == {1, 2, 3}
    assert aspired(Policy(only=frozenset({1, 7})), Known(listed={1, 2, 3})).serve == {1}


def test_a_refused_version_does_not_count_as_one_of_them() -> None:
    assert aspired(Policy(1), Known(listed={1, 2}, refused={2})).serve == {1}
    assert aspired(Policy(2), Known(listed={1, 2, 3, 4}, refused={4, 2})).serve == {1, 3}


def test_until_a_new_one_is_ready_the_old_ones_stay() -> None:
    assert aspired(Policy(2), Known(listed={1, 2, 3}, ready={1, 2})).keep == {1, 2, 3}
    assert aspired(Policy(2), Known(listed={1, 2, 3}, ready={1, 2, 3})).keep == {2, 3}


def test_what_an_administrator_wants_outweighs_the_policy_and_what_is_needed_outweighs_both() -> None:
    wanted = Known(listed={1, 2, 3}, loaded={1}, unloaded={3})
    assert aspired(Policy(1), wanted).serve == {1, 2}
    assert aspired(Policy(1), wanted._replace(pinned={3})).serve == {1, 2, 3}


@given(POLICIES, known())
def test_what_is_served_can_be_served(policy: Policy, known: Known) -> None:
    serve = aspired(policy, known).serve
    assert serve <= known.listed - known.refused
    assert not serve & (known.unloaded - known.pinned - known.loaded)


@given(POLICIES, known())
def test_what_is_served_is_kept_and_so_is_what_is_needed(policy: Policy, known: Known) -> None:
    found = aspired(policy, known)
    assert found.serve <= found.keep
    assert known.pinned <= found.keep


@given(POLICIES, known())
def test_the_last_good_version_is_never_dropped_but_by_an_administrator(policy: Policy, known: Known) -> None:
    assert aspired(policy, known).keep & known.ready or known.ready <= known.unloaded


@given(st.integers(1, 4), known())
def test_a_version_that_is_refused_when_tried_costs_no_good_one(count: int, known: Known) -> None:
    """However many new ones fail, at least as many of the old ones stay as the policy asks for, if there are."""
    good = {version for version in known.ready & known.listed if version not in known.unloaded}
    kept = aspired(Policy(count), known).keep & good
    assert len(kept) >= min(count, len(good))


@given(POLICIES, known())
def test_once_all_that_is_wanted_is_ready_nothing_more_is_loaded_or_dropped(policy: Policy, known: Known) -> None:
    served = aspired(policy, known).serve
    settled = aspired(policy, known._replace(ready=served))
    assert settled.serve == served
    assert served <= settled.keep
