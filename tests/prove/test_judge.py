import json

import pytest

from tests.prove.judge import Answer, faults

SECRET = "order-7"


def problem(**members: str) -> Answer:
    whole = {"type": "urn:nunchi:problem:x", "title": "X", "status": 422, "detail": "no", "request_id": "1", **members}
    return Answer(422, {"content-type": "application/problem+json"}, json.dumps(whole).encode())


def test_what_a_request_calls_itself_may_come_back() -> None:
    assert faults(problem(request_id=SECRET), {SECRET}) == []


@pytest.mark.parametrize("answer", [problem(detail=f"no {SECRET}"), problem(request_id=f"<b>{SECRET}</b>")])
def test_nothing_else_of_a_request_and_no_harmful_name_may(answer: Answer) -> None:
    assert faults(answer, {SECRET}) == ["an echo"]
