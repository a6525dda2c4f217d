"""Judges answers to hostile requests: no failure of the service, no hang, nothing of what was sent in any of it."""

import json
import re
from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

MARKER = "Zq7mark"
"""Stands in every hostile request, and must stand in no error and no line of the log."""

_OWN_NAME = re.compile(r'"request_id": "[A-Za-z0-9._-]{1,64}"')
"""What a request calls itself, if harmless, comes back: that is promised (X-Request-ID)."""

_PROBLEM_MEMBERS = {"type", "title", "status", "detail", "request_id"}


class Answer(NamedTuple):
    """Status, headers with their names in lower case, and body of an answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class Verdict:
    """What became of the requests of one kind.

    Args:
        kind: of the requests.

    Attributes:
        requests: how many were sent.
        statuses: how often each was answered; 0: the connection was closed without an answer.
        faults: what was not as it should be, and how often.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.requests = 0
        self.statuses: Counter[int] = Counter()
        self.faults: Counter[str] = Counter()

    def judge(self, what: str, answers: Collection[Answer], secrets: Collection[str] = (MARKER,)) -> None:
        """Judge the answers to one request, which may be several if it was no request.

        Args:
            what: was sent, in a few words.
            answers: to it.
            secrets: that no error may hold.
        """
        self.requests += 1
        self.statuses.update(answer.status for answer in answers)
        self.statuses[0] += not answers
        for answer in answers:
            self.faults.update(f"{what}: {fault}" for fault in faults(answer, secrets))

    def hung(self, what: str) -> None:
        """Take note of a request to which nothing came, not even the end of the connection."""
        self.requests += 1
        self.faults[f"{what}: hung"] += 1


def faults(answer: Answer, secrets: Collection[str] = (MARKER,)) -> list[str]:
    """Name everything that is wrong with an answer."""
    found = [f"answered {answer.status}"] if answer.status >= 500 else []
    if answer.status < 400:
        return found
    text = _OWN_NAME.sub("", answer.body.decode(errors="replace"))
    said = text + "".join(value for name, value in answer.headers.items() if name != "x-request-id")
    escaped = json.dumps(text)
    found += ["an echo"] * any(secret in said or secret in escaped for secret in secrets)
    if answer.body and not _is_problem(answer):
        found.append(f"{answer.status} is no problem")
    return found


def _is_problem(answer: Answer) -> bool:
    try:
        content = json.loads(answer.body)
    except ValueError:
        return False
    members = content.keys() - {"index"} == _PROBLEM_MEMBERS and content["status"] == answer.status
    return bool(members and answer.headers.get("content-type") == "application/problem+json")


def log_faults(log: Path) -> list[str]:
    """Name every line of a log that is no JSON object, tells of an error, or holds what was sent."""
    found = []
    for line in log.read_text(encoding="utf-8").splitlines():
        try:
            entry = json.loads(line)
            level, event = entry["level"], entry["event"]
        except (ValueError, TypeError, KeyError):
            found.append("the log has a line that is no event")
            continue
        if level == "error":
            found.append(f"the log tells of {event}: {entry.get('error')}")
        if MARKER in line:
            found.append(f"the log repeats what was sent: {event}")
    return sorted(set(found))
