import json
import logging
import subprocess
import sys

import pytest

from service.log_budget import PER_S
from service.logs import JsonFormatter, log_event, log_exception

PROGRAM = """
import logging, threading
from service.logs import REQUESTS, configure, log_event
configure("info", worker=3)
{body}
"""


def written(record: logging.LogRecord) -> str:
    return JsonFormatter().format(record)


def test_an_event_is_one_line_of_json(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_event("model_ready", version="gru/2", seconds=0.5)
    line = json.loads(written(caplog.records[0]))
    assert (line["level"], line["event"], line["version"], line["seconds"]) == ("info", "model_ready", "gru/2", 0.5)


def test_nothing_in_a_line_can_pass_for_another_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    log_event("odd", name='a"\n{"event": "forged"}\u2028\u202e\x1b[2J')
    line = written(caplog.records[0])
    assert line.isascii()
    assert line.isprintable()


def test_the_message_of_an_unexpected_error_is_left_out_for_it_may_quote_a_user(
    caplog: pytest.LogCaptureFixture,
) -> None:
    try:
        raise ValueError("what the user wrote")
    except ValueError as error:
        log_exception("request_failed", error, request_id="r1")
    line = written(caplog.records[0])
    assert "what the user wrote" not in line
    assert json.loads(line)["error"] == "ValueError"
    assert json.loads(line)["frames"][0].startswith("test_the_message")


def test_other_loggers_lines_have_the_same_form() -> None:
    try:
        raise KeyError("secret")
    except KeyError as error:
        record = logging.LogRecord("uvicorn", logging.ERROR, "", 1, "it %s", ("broke",), (KeyError, error, None))
    line = json.loads(written(record))
    assert (line["event"], line["logger"], line["message"]) == ("library", "uvicorn", "it broke")
    assert line["error"] == "KeyError"
    assert "secret" not in str(line)


def test_of_what_a_library_says_the_lines_that_may_quote_a_user_are_left_out() -> None:
    message = "Task exception was never retrieved\nfuture: <Task exception=ValueError('what the user wrote')>"
    line = written(logging.LogRecord("asyncio", logging.ERROR, "", 1, message, None, None))
    assert json.loads(line)["message"] == "Task exception was never retrieved"
    assert "what the user wrote" not in line


def test_lines_of_a_worker_say_which_it_is() -> None:
    record = logging.LogRecord("nunchi", logging.INFO, "", 0, "model_ready", None, None)
    assert json.loads(JsonFormatter(worker=1).format(record))["worker"] == 1


def lines_of(body: str) -> list[dict[str, object]]:
    """Run a program of its own, since `configure` is for the whole process; return the lines that it wrote."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)], capture_output=True, text=True, check=False, timeout=60
    )
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_an_error_that_ends_the_process_is_one_line_without_its_message() -> None:
    [line] = lines_of("raise ValueError('what the user wrote')")
    assert (line["event"], line["error"], line["worker"]) == ("process_failed", "ValueError", 3)
    assert "what the user wrote" not in str(line)


def test_an_error_that_ends_a_thread_is_one_line_without_its_message() -> None:
    [line] = lines_of("threading.Thread(target=lambda: int('what the user wrote'), name='engine').start()")
    assert (line["event"], line["error"], line["thread"]) == ("thread_failed", "ValueError", "engine")
    assert "what the user wrote" not in str(line)


def test_a_flood_of_lines_of_one_kind_is_held_back_and_no_other_line_with_it() -> None:
    lines = lines_of(f"for _ in range({20 * PER_S}): log_event('model_failed')\nlog_event('model_refused')")
    events = [line["event"] for line in lines]
    assert PER_S <= events.count("model_failed") <= 5 * PER_S, "a second or a few"
    assert events[-1] == "model_refused"


def test_lines_of_requests_are_not_held_back_a_second_time() -> None:
    lines = lines_of(f"for _ in range({5 * PER_S}): REQUESTS.info('request')")
    assert len(lines) == 5 * PER_S
