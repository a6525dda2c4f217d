from sqlalchemy import func, select

from service.store.database import Database
from service.store.reading import PhaseRow, disagreements, read_phase
from service.store.retention import forget_unit, purge
from service.store.tables import LABEL, LABEL_REVISION
from tests.service.store.observations import EXPERIMENT, a_label, an_id, an_observation
from tests.service.store.test_reading import fill


def rows_by_id(database: Database) -> dict[str, PhaseRow]:
    return {row.observation.prediction_id: row for row in read_phase(database, EXPERIMENT, 1)}


def test_old_observation_without_a_label_is_deleted(database: Database) -> None:
    fill(database, [an_observation(1), an_observation(2), an_observation(3)])
    assert purge(database, horizon=3.0) == (2, 0, 0)
    assert list(rows_by_id(database)) == [an_id(3)]


def test_old_observation_with_a_label_loses_all_that_leads_to_a_person(database: Database) -> None:
    fill(database, [an_observation(1, text="좋아요")], a_label(1))
    before = rows_by_id(database)[an_id(1)]
    assert purge(database, horizon=2.0) == (0, 1, 0)
    after = rows_by_id(database)[an_id(1)]
    assert after.stripped
    assert after.observation == before.observation._replace(unit=None, text=None, text_hmac=an_id(1))
    assert after.labels == before.labels
    assert purge(database, horizon=2.0) == (0, 0, 0)


def test_labels_that_counted_go_on_to_count_and_no_others(database: Database) -> None:
    """The first of equal texts counts; who is first must not depend on what was forgotten."""
    same, other = {"text_hmac": "same"}, {"text_hmac": "other"}
    observations = [an_observation(1, **same), an_observation(2, **same), an_observation(3, **other)]
    fill(database, observations, a_label(1), a_label(2))
    fill(database, [an_observation(5, **same), an_observation(6, **other)], a_label(5), a_label(6))
    before = {key: row.repeated for key, row in rows_by_id(database).items()}
    for horizon in (2.0, 3.0, 4.0, 10.0):
        purge(database, horizon)
        assert {key: row.repeated for key, row in rows_by_id(database).items()}.items() <= before.items()
    assert list(rows_by_id(database)) == [an_id(number) for number in (1, 2, 5, 6)]


def test_old_label_of_an_unknown_prediction_is_deleted(database: Database) -> None:
    fill(database, [an_observation(3)], a_label(1, received_at=1.0), a_label(2, received_at=9.0), a_label(3))
    fill(database, [], a_label(1, "negative"))
    assert purge(database, horizon=2.0) == (0, 0, 1)
    with database.read() as connection:
        assert set(connection.execute(select(LABEL.c.prediction_id)).scalars()) == {an_id(2), an_id(3)}
        assert connection.execute(select(func.count()).select_from(LABEL_REVISION)).scalar() == 0


def test_purge_takes_more_than_one_transaction_can(database: Database) -> None:
    fill(
        database, [an_observation(number) for number in range(1200)], *[a_label(number) for number in range(0, 1200, 2)]
    )
    assert purge(database, horizon=2000.0) == (600, 600, 0)


def test_stripped_observation_cannot_be_labelled_by_people_any_more(database: Database) -> None:
    fill(database, [an_observation(1, "positive", "negative")], a_label(1, source="user"))
    purge(database, horizon=2.0)
    assert disagreements(database, EXPERIMENT, 1, 10) == []


def test_client_is_forgotten_with_all_labels(database: Database) -> None:
    fill(
        database,
        [an_observation(1, unit="me"), an_observation(2, unit="you"), an_observation(3, unit="me", phase=2)],
        a_label(1),
        a_label(2),
        a_label(3, source="user"),
    )
    fill(database, [], a_label(1, "negative"))
    assert forget_unit(database, "me") == 2
    assert forget_unit(database, "me") == 0
    assert list(rows_by_id(database)) == [an_id(2)]
    with database.read() as connection:
        assert connection.execute(select(LABEL.c.prediction_id)).scalars().all() == [an_id(2)]
        assert connection.execute(select(func.count()).select_from(LABEL_REVISION)).scalar() == 0
