from sqlalchemy import select

from service.experiments.observation import LabelGiven, LabelResult
from service.store.database import Database, Lock
from service.store.labels import give_labels
from service.store.tables import LABEL, LABEL_REVISION
from tests.service.store.observations import a_label


def give(database: Database, *labels: LabelGiven) -> list[LabelResult]:
    with database.write(Lock.LABELS) as connection:
        return give_labels(database, connection, labels)


def in_force(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as connection:
        columns = LABEL.c.prediction_id, LABEL.c.source, LABEL.c.label
        return [tuple(row) for row in connection.execute(select(*columns).order_by(LABEL.c.seq))]


def revisions(database: Database) -> list[tuple[str, str, float]]:
    with database.read() as connection:
        columns = LABEL_REVISION.c.source, LABEL_REVISION.c.label, LABEL_REVISION.c.received_at
        return [tuple(row) for row in connection.execute(select(*columns).order_by(LABEL_REVISION.c.received_at))]


def test_first_label_is_accepted_and_the_same_again_changes_nothing(database: Database) -> None:
    assert give(database, a_label(1)) == ["accepted"]
    assert give(database, a_label(1, received_at=2.0)) == ["same"]
    assert len(in_force(database)) == 1
    assert revisions(database) == []


def test_other_label_is_a_conflict_kept_beside_the_first(database: Database) -> None:
    give(database, a_label(1, "positive"))
    assert give(database, a_label(1, "negative", received_at=2.0)) == ["conflict"]
    assert [label for *_, label in in_force(database)] == ["positive"]
    assert revisions(database) == [("gold", "negative", 2.0)]


def test_same_conflict_again_takes_no_more_room(database: Database) -> None:
    give(database, a_label(1, "positive"))
    for received_at in (2.0, 3.0):
        assert give(database, a_label(1, "negative", received_at=received_at)) == ["conflict"]
    assert revisions(database) == [("gold", "negative", 3.0)]


def test_sources_do_not_contradict_each_other(database: Database) -> None:
    given = [a_label(1, "positive", "gold"), a_label(1, "negative", "audit"), a_label(1, "negative", "user")]
    assert give(database, *given) == ["accepted"] * 3
    assert revisions(database) == []


def test_labels_given_at_once_are_taken_in_their_order(database: Database) -> None:
    first = a_label(1, "positive")
    given = [first, a_label(1, "negative"), a_label(2), first, a_label(1, "negative", received_at=5.0)]
    assert give(database, *given) == ["accepted", "conflict", "accepted", "same", "conflict"]
    assert revisions(database) == [("gold", "negative", 5.0)]


def test_labels_are_numbered_in_the_order_in_which_they_came(database: Database) -> None:
    give(database, a_label(3), a_label(1))
    give(database, a_label(2), a_label(1))
    give(database, a_label(0))
    assert [prediction_id for prediction_id, *_ in in_force(database)] == [
        a_label(number).prediction_id for number in (3, 1, 2, 0)
    ]


def test_number_of_a_deleted_label_is_not_given_again(database: Database) -> None:
    give(database, a_label(1), a_label(2))
    with database.write() as connection:
        before = connection.execute(select(LABEL.c.seq).order_by(LABEL.c.seq)).scalars().all()
        connection.execute(LABEL.delete())
    give(database, a_label(3))
    with database.read() as connection:
        [after] = connection.execute(select(LABEL.c.seq)).scalars().all()
    assert after > max(before)


def test_thousands_of_labels_fit_into_one_statement(database: Database) -> None:
    given = [a_label(number) for number in range(3000)]
    assert set(give(database, *given)) == {"accepted"}
    assert set(give(database, *given)) == {"same"}


def test_no_labels_are_no_statement(database: Database) -> None:
    assert give(database) == []
