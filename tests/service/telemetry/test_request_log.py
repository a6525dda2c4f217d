import logging
from typing import Any

import pytest

from model_store.layout import VersionRef
from service.experiments.live import Part
from service.heads import Head
from service.log_budget import PER_S
from service.telemetry.request_log import PROBES, Answered, RequestLog
from service.telemetry.trail import Trace, Trail

PARENT = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"


class Version:
    ref = VersionRef("gru", 3)


class Answering:
    model = Version()
    part = Part("gru-or-lstm", 1, "gru", "random")


def answered(status: int, route: str = "/predict") -> Answered:
    return Answered("POST", route, status, started=5.0, seconds=0.0012345)


def trail(**headers: bytes) -> Trail:
    return Trail("r1", Head(**headers))  # type: ignore[arg-type]


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    assert {record.getMessage() for record in caplog.records} <= {"request"}
    return [vars(record)["fields"] for record in caplog.records]


@pytest.fixture(autouse=True)
def _level(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_a_request_that_failed_gets_a_line_with_all_that_is_known(caplog: pytest.LogCaptureFixture) -> None:
    known = trail(traceparent=PARENT)
    known.routed, known.texts = Answering(), 2
    known.problem, known.key = "queue-full", "shop"
    RequestLog(share=0).tell(known, answered(429))
    assert lines(caplog) == [
        {
            "request_id": "r1",
            "method": "POST",
            "route": "/predict",
            "status": 429,
            "duration_ms": 1.234,
            "problem": "queue-full",
            "model": "gru",
            "version": 3,
            "texts": 2,
            "experiment": "gru-or-lstm",
            "arm": "gru",
            "key": "shop",
            "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        }
    ]


def test_what_is_not_known_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    RequestLog(share=0).tell(trail(), answered(422))
    [line] = lines(caplog)
    assert line.keys() == {"request_id", "method", "route", "status", "duration_ms"}


def test_a_line_names_the_trace_that_is_recorded(caplog: pytest.LogCaptureFixture) -> None:
    traced = trail()
    traced.trace = Trace("ab" * 16, "cd" * 8, None, lambda *_: None)
    RequestLog(share=0).tell(traced, answered(500))
    assert lines(caplog)[0]["trace_id"] == "ab" * 16


def test_a_trace_that_is_malformed_is_not_repeated(caplog: pytest.LogCaptureFixture) -> None:
    RequestLog(share=0).tell(trail(traceparent=PARENT[:-1] + b"\n"), answered(422))
    assert "trace_id" not in lines(caplog)[0]


@pytest.mark.parametrize(
    ("status", "level"),
    [(422, logging.INFO), (404, logging.INFO), (429, logging.WARNING), (503, logging.WARNING), (500, logging.ERROR)],
)
def test_the_level_tells_whose_business_it_is(caplog: pytest.LogCaptureFixture, status: int, level: int) -> None:
    RequestLog(share=0).tell(trail(), answered(status))
    assert [record.levelno for record in caplog.records] == [level]


def test_of_the_others_a_share_gets_a_line(caplog: pytest.LogCaptureFixture) -> None:
    for share, least, most in ((0.0, 0, 0), (0.5, 400, 600), (1.0, 1000, 1000)):
        caplog.clear()
        log = RequestLog(share)
        for _ in range(1000):
            log.tell(trail(), answered(200))
        assert least <= len(lines(caplog)) <= most


def test_probes_that_succeed_get_none(caplog: pytest.LogCaptureFixture) -> None:
    for route in PROBES:
        RequestLog(share=1).tell(trail(), answered(200, route))
    assert lines(caplog) == []
    RequestLog(share=1).tell(trail(), answered(503, "/health/ready"))
    assert len(lines(caplog)) == 1


def test_a_flood_of_one_status_is_held_back_and_no_other_status_with_it(caplog: pytest.LogCaptureFixture) -> None:
    log = RequestLog(share=0)
    for _ in range(100 * PER_S):
        log.tell(trail(), answered(429))
    log.tell(trail(), answered(500))
    statuses = [line["status"] for line in lines(caplog)]
    assert PER_S <= statuses.count(429) < 50 * PER_S, "a second or a few"
    assert statuses[-1] == 500


def test_a_level_that_is_off_uses_up_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    RequestLog(share=1).tell(trail(), answered(404))
    assert lines(caplog) == []
