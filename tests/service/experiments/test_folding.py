from math import inf

from service.experiments.folding import fold, revised
from service.store.reading import PhaseRow
from tests.service.experiments.phases import design, given, row, text

A_RIGHT, B_RIGHT = (0.9, 0.2), (0.2, 0.9)


def differences(rows: list[PhaseRow], as_of: float = inf, maturity_s: float = 0.0) -> list[int]:
    """Return who was right, label by label, in the order in which labels count."""
    return list(fold(design(maturity_s=maturity_s), rows, as_of).evidence.pairs[0].differences)  # type: ignore[union-attr]


def test_labels_count_in_the_order_in_which_they_came() -> None:
    rows = [row(text(1, A_RIGHT), given(7)), row(text(2, B_RIGHT), given(5)), row(text(3, A_RIGHT), given(6))]
    assert differences(rows) == [-1, 1, 1]


def test_a_clock_that_is_behind_does_not_change_the_order() -> None:
    rows = [row(text(1, A_RIGHT), given(1, received_at=50.0)), row(text(2, B_RIGHT), given(2, received_at=10.0))]
    assert differences(rows) == [1, -1]


def test_what_was_seen_before_does_not_count_again() -> None:
    folded = fold(design(), [row(text(1), given(1)), row(text(2), given(2), repeated=True)], inf)
    assert (folded.evidence.texts, folded.evidence.trusted, folded.repeated) == (1, 1, 1)


def test_of_two_trusted_labels_the_better_one_counts() -> None:
    rows = [row(text(1, A_RIGHT), given(1, "negative", "audit"), given(2, "positive", "gold"))]
    folded = fold(design(), rows, inf)
    assert folded.evidence.trusted == 1
    assert folded.evidence.arms[0].sources == {"gold": 1}
    assert differences(rows) == [1]


def test_a_user_is_heard_beside_a_trusted_label() -> None:
    folded = fold(design(), [row(text(1), given(1), given(2, "negative", "user"))], inf)
    assert (folded.evidence.trusted, folded.evidence.reported) == (1, 1)


def test_texts_that_are_too_young_do_not_count_yet() -> None:
    rows = [row(text(10), given(11)), row(text(20), given(21))]
    folded = fold(design(maturity_s=5.0), rows, 22.0)
    assert (folded.evidence.texts, folded.evidence.trusted, folded.immature) == (1, 1, 1)


def test_a_label_counts_from_the_time_its_text_is_old_enough() -> None:
    """So a report of an earlier time is the beginning of a later one."""
    rows = [row(text(10, A_RIGHT), given(3, received_at=30.0)), row(text(28, B_RIGHT), given(1, received_at=29.0))]
    early, late = differences(rows, 31.0, maturity_s=5.0), differences(rows, 40.0, maturity_s=5.0)
    assert (early, late) == ([1], [1, -1])
    assert differences(rows, 40.0) == [-1, 1]


def test_what_came_later_is_left_out() -> None:
    rows = [row(text(1), given(1, "positive", "audit", 5.0), given(9, "positive", "gold", 90.0)), row(text(50))]
    folded = fold(design(), rows, 40.0)
    assert (folded.evidence.texts, folded.newest) == (1, 5.0)
    assert folded.evidence.arms[0].sources == {"audit": 1}


def test_of_a_stripped_text_only_the_label_counts() -> None:
    folded = fold(design(), [row(text(1, A_RIGHT), given(1), stripped=True)], inf)
    evidence = folded.evidence
    assert (evidence.texts, evidence.health.units, evidence.health.labels.total) == (0, 0, 0)
    assert (evidence.trusted, evidence.pairs[0].labels) == (1, 1)


def test_the_course_has_every_label_of_few_and_two_hundred_points_of_many() -> None:
    few, many = ([row(text(number), given(number)) for number in range(1, count + 1)] for count in (3, 1001))
    assert [point.labels for point in fold(design(), few, inf).course[0]] == [1, 2, 3]
    course = fold(design(), many, inf).course[0]
    assert len(course) == 200
    assert course[-1].labels == 1001
    assert [point.labels for point in course] == sorted({point.labels for point in course})


def test_revisions_change_another_evidence_and_never_this_one() -> None:
    rows = [row(text(1, A_RIGHT), given(1, revised="negative")), row(text(2, A_RIGHT), given(2))]
    folded = fold(design(), rows, inf)
    last = revised(folded)
    assert differences(rows) == [1, 1]
    assert last is not None
    assert list(last.pairs[0].differences) == [-1, 1]  # type: ignore[union-attr]


def test_without_revisions_there_is_nothing_else_to_show() -> None:
    assert revised(fold(design(), [row(text(1), given(1))], inf)) is None


def test_an_empty_phase_folds_to_nothing() -> None:
    folded = fold(design(), [], inf)
    assert (folded.newest, folded.evidence.texts, folded.course) == (0.0, 0, [[]])
