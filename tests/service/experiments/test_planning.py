from service.experiments.planning import labels_needed
from tests.service.experiments.phases import design, labelled, table_of


def test_fewer_labels_are_needed_the_closer_the_decision() -> None:
    early, late = (labels_needed(labelled(design(), table_of(8 * n, 7 * n // 10, 3 * n // 10, n))) for n in (20, 40))
    assert early is not None
    assert late is not None
    assert 0 < late < early


def test_the_first_labels_are_needed_in_any_case() -> None:
    assert labels_needed(labelled(design(), table_of(0, 40, 2, 0))) == 100 - 42


def test_equal_arms_are_expected_to_be_found_equivalent() -> None:
    needed = labels_needed(labelled(design(margin=0.01), table_of(500, 10, 10, 60)))
    assert needed is not None
    assert 500 < needed < 20_000


def test_nothing_is_foreseen_where_nothing_can_be_told_apart() -> None:
    assert labels_needed(labelled(design(margin=1e-4), table_of(100, 10, 10, 10))) is None


def test_of_several_arms_the_slowest_comparison_of_the_leader_counts() -> None:
    kinds = table_of(300, 28, 12, 30)
    easy = labels_needed(labelled(design(3, margin=1e-4), [(a, b, b) for a, b in kinds]))
    nearly = [
        0.3 if a > 0.5 and place % 20 == 0 else 0.9 if a < 0.5 and place % 3 == 0 else a
        for place, (a, _) in enumerate(kinds)
    ]
    hard = labels_needed(labelled(design(3, margin=1e-4), [(a, b, c) for (a, b), c in zip(kinds, nearly, strict=True)]))
    assert easy is not None
    assert hard is not None
    assert hard > 2 * easy
