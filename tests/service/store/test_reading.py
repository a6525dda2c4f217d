from collections.abc import Iterable

from sqlalchemy import event

from service.experiments.observation import LabelGiven, Observation
from service.store.database import Database, Lock
from service.store.labels import give_labels
from service.store.reading import count_phase, disagreements, read_phase
from tests.service.store.observations import EXPERIMENT, a_label, an_id, an_observation, write


def fill(database: Database, observations: Iterable[Observation], *labels: LabelGiven) -> None:
    write(database, observations)
    with database.write(Lock.LABELS) as connection:
        give_labels(database, connection, labels)


def test_observations_are_read_as_they_were_recorded(database: Database) -> None:
    observation = an_observation(1, "긍정", "부정", text="좋아요 👍", unit=None, audit=True)
    fill(database, [observation])
    [row] = read_phase(database, EXPERIMENT, 1)
    outcomes = tuple(outcome._replace(probabilities=[*outcome.probabilities]) for outcome in observation.outcomes)
    assert row.observation == observation._replace(outcomes=outcomes)
    assert row.observation.audit is True
    assert row[1:] == ((), False, False)


def test_observations_are_read_by_time_in_whatever_order_they_were_written(database: Database) -> None:
    for number in (3, 1, 2):
        fill(database, [an_observation(number)])
    assert [row.observation.prediction_id for row in read_phase(database, EXPERIMENT, 1)] == [
        an_id(n) for n in (1, 2, 3)
    ]


def test_other_phases_and_experiments_are_left_out(database: Database) -> None:
    fill(database, [an_observation(1), an_observation(2, phase=2), an_observation(3, experiment="other")], a_label(2))
    assert [row.observation.prediction_id for row in read_phase(database, EXPERIMENT, 1)] == [an_id(1)]


def test_observation_written_twice_is_there_once_as_it_was_first(database: Database) -> None:
    fill(database, [an_observation(1)])
    fill(database, [an_observation(1, tokens=99), an_observation(2)])
    assert [row.observation.tokens for row in read_phase(database, EXPERIMENT, 1)] == [7, 7]


def test_labels_are_read_with_their_observation_their_order_and_their_last_revision(database: Database) -> None:
    fill(database, [an_observation(number) for number in (1, 2, 3)], a_label(3), a_label(1, "negative", "user"))
    fill(database, [], a_label(1, "positive", "gold", 5.0), a_label(1, "negative", "gold", 6.0))
    fill(database, [], a_label(1, "neutral", "gold", 7.0))
    labels = {row.observation.prediction_id: row.labels for row in read_phase(database, EXPERIMENT, 1)}
    assert [label[:2] for label in labels[an_id(1)]] == [("gold", "positive"), ("user", "negative")]
    assert [label.revised for label in labels[an_id(1)]] == ["neutral", None]
    assert labels[an_id(1)][0].received_at == 5.0
    assert labels[an_id(2)] == ()
    in_order = sorted((label.seq, key, label.source) for key, own in labels.items() for label in own)
    assert [item[1:] for item in in_order] == [(an_id(3), "gold"), (an_id(1), "user"), (an_id(1), "gold")]


def test_label_that_came_before_its_observation_is_joined_to_it(database: Database) -> None:
    fill(database, [], a_label(1))
    assert list(read_phase(database, EXPERIMENT, 1)) == []
    fill(database, [an_observation(1)])
    [row] = read_phase(database, EXPERIMENT, 1)
    assert [label.label for label in row.labels] == ["positive"]


def test_text_seen_before_in_the_phase_is_marked(database: Database) -> None:
    again = {"text_hmac": "same"}
    fill(database, [an_observation(1, **again), an_observation(2), an_observation(3, **again)])
    fill(database, [an_observation(4, phase=2, **again)])
    assert [row.repeated for row in read_phase(database, EXPERIMENT, 1)] == [False, False, True]
    assert [row.repeated for row in read_phase(database, EXPERIMENT, 2)] == [False]


def test_reading_sees_one_moment(database: Database) -> None:
    fill(database, [an_observation(number) for number in range(1, 4)])
    rows = read_phase(database, EXPERIMENT, 1)
    first = next(rows)
    fill(database, [an_observation(4)], a_label(3))
    rest = list(rows)
    assert len([first, *rest]) == 3
    assert all(row.labels == () for row in rest)


def test_phase_is_read_piece_by_piece(database: Database) -> None:
    """Else the driver holds all of it, where `tracemalloc` does not see it."""
    fill(database, map(an_observation, range(2500)), *map(a_label, range(0, 2500, 7)))
    at_once: list[int | None] = []
    event.listen(database.engine, "before_execute", lambda *call: at_once.append(call[4].get("yield_per")))
    labelled = [bool(row.labels) for row in read_phase(database, EXPERIMENT, 1)]
    assert labelled == [number % 7 == 0 for number in range(2500)]
    assert at_once[-2:] == [1000, 1000]  # labels, observations


def test_counts_are_those_of_what_is_read(database: Database) -> None:
    fill(database, [an_observation(number) for number in (1, 2, 3)], a_label(1), a_label(2), a_label(1, source="user"))
    fill(database, [an_observation(4, phase=2)], a_label(4), a_label(9), a_label(1, "negative"), a_label(4, "negative"))
    assert count_phase(database, EXPERIMENT, 1) == (3, {"gold": 2, "user": 1}, {"gold": 1})
    assert count_phase(database, EXPERIMENT, 3) == (0, {}, {})


def test_queue_to_label_has_the_random_sample_first_then_disagreements(database: Database) -> None:
    fill(
        database,
        [
            an_observation(1, "positive", "negative", "positive"),
            an_observation(2),
            an_observation(3, audit=True),
            an_observation(4, "negative", "positive", audit=True),
            an_observation(5, "negative", "positive", phase=2),
        ],
    )
    queue = [observation.prediction_id for observation in disagreements(database, EXPERIMENT, 1, 10)]
    assert queue == [an_id(3), an_id(4), an_id(1)]
    assert [item.prediction_id for item in disagreements(database, EXPERIMENT, 1, 2)] == queue[:2]


def test_queue_to_label_leaves_out_what_people_labelled_and_what_would_not_count(database: Database) -> None:
    apart = ("positive", "negative")
    fill(
        database,
        [an_observation(number, *apart) for number in (1, 2, 3)] + [an_observation(4, *apart, text_hmac="text-3")],
        a_label(1, source="audit"),
        a_label(2, source="user"),
    )
    assert [item.prediction_id for item in disagreements(database, EXPERIMENT, 1, 10)] == [an_id(2), an_id(3)]


def test_arm_without_an_answer_disagrees_with_nobody(database: Database) -> None:
    observation = an_observation(1, "positive", "negative")
    failed = observation.outcomes[1]._replace(label=None, probabilities=(), latency_us=None, error="dropped")
    fill(database, [observation._replace(outcomes=(observation.outcomes[0], failed))])
    assert disagreements(database, EXPERIMENT, 1, 10) == []
