import json
import logging

import pytest

from service.logs import JsonFormatter, log_event, log_exception


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
    assert (line["event"], line["error"]) == ("it broke", "KeyError")


def test_lines_of_a_worker_say_which_it_is() -> None:
    record = logging.LogRecord("nunchi", logging.INFO, "", 0, "model_ready", None, None)
    assert json.loads(JsonFormatter(worker=1).format(record))["worker"] == 1
