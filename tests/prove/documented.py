"""What /openapi.json promises, held against the service: schemathesis makes requests from it, good and bad."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode, Response
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.prove.judge import Answer, Verdict
from tests.system.server import ROOT

AnyCase = Case[Any]

_TIMEOUT_S = 30
_SECRET_CHARACTERS = 8
"""A string of the request that is at least so long must not come back in an error."""

_CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.missing_required_header,
    checks.ignored_auth,
]
_CODE = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "service").rglob("*.py")))
"""Hypothesis also sends strings that stand in the code; the service says some of them by itself, whoever asks."""

_PUBLIC = frozenset({"application/json", "positive", "negative", "gru", "user", "gold", "audit", "text/html"})


def send_all(url: str, key: str, count: int, number: int) -> Verdict:
    """Ask every operation of the page, so many times in all, as it says and against it, drawn anew for every number."""
    verdict = Verdict("schemathesis")
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {key}"
        schema = schemathesis.openapi.from_url(f"{url}/openapi.json", headers={"Authorization": f"Bearer {key}"})
        operations = [result.ok() for result in schema.get_all_operations() if isinstance(result, Ok)]
        ways = [operation.as_strategy(mode) for operation in operations for mode in GenerationMode]
        send = _sender(session, verdict)
        while verdict.requests < count:
            each = -(-(count - verdict.requests) // len(ways))
            ways = [way for way in ways if _ask(way, each, number, verdict, send)]
            number += 1
    return verdict


def _ask(way: Any, count: int, number: int, verdict: Verdict, send: Callable[[AnyCase], None]) -> bool:
    """Ask in one way; return whether there are more requests to be made of it."""
    before = verdict.requests
    limits = settings(
        max_examples=count,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    with suppress(Unsatisfiable):  # what takes nothing cannot be asked against its description
        limits(seed(number)(given(case=way)(send)))()
    return verdict.requests - before >= count


def _sender(session: requests.Session, verdict: Verdict) -> Callable[[AnyCase], None]:
    def send(case: AnyCase) -> None:
        what = f"{case.method} {case.path}"
        try:
            response = case.call(session=session, timeout=_TIMEOUT_S)
        except requests.Timeout:
            verdict.hung(what)
            return
        headers = {name.lower(): ", ".join(values) for name, values in response.headers.items()}
        verdict.judge(what, [Answer(response.status_code, headers, response.content)], secrets_of(case))
        verdict.faults.update(f"{what}: {fault}" for fault in _broken_promises(case, response))

    return send


def _broken_promises(case: AnyCase, response: Response) -> Iterator[str]:
    try:
        case.validate_response(response, checks=_CHECKS)
    except FailureGroup as group:
        yield from {f"{type(failure).__name__} ({response.status_code})" for failure in group.exceptions}
    except Failure as failure:
        yield f"{type(failure).__name__} ({response.status_code})"


def secrets_of(case: AnyCase) -> set[str]:
    """Return the strings of a request that are long enough not to come back by chance."""
    return {text for text in _strings([case.path_parameters, case.headers, case.query, case.body]) if _is_secret(text)}


def _is_secret(text: str) -> bool:
    return len(text) >= _SECRET_CHARACTERS and text not in _PUBLIC and text not in _CODE and not text.isspace()


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
    elif hasattr(value, "items"):
        yield from _strings(dict(value.items()))
