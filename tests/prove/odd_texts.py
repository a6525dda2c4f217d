"""Texts of all that Unicode has, by the thousand, each with the answer that the design names for it."""

import http.client
import json
import re
import unicodedata
from collections.abc import Callable

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from service.schemas import MAX_CHARACTERS
from tests.prove.judge import MARKER, Answer, Verdict

_BLANK = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u200b\ufeff]*")
_HANGUL = st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)
_INVISIBLE = ("\0", "\u200d", "\u200b", "\ufeff", "\u202e", "\U000e0001", "\u3164", "\ufffe", "\uffff", "\x85")
_PICTURES = ("😀", "👩\u200d👩\u200d👧", "👍🏽", "🇰🇷")
_FORMS = ("e\u0301", "ㅋㅋㅋ", "\u1100\u11a8", "\uff11\uff12", "\ufdfa", "\U0010ffff")
_PIECES = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(categories=["Cs", "Lo"]), max_size=10),
    st.text(_HANGUL, max_size=30).map(lambda text: unicodedata.normalize("NFD", text)),
    st.text(st.characters(categories=["Mn", "Me", "Cf", "Cc", "Co", "Cn"]), max_size=30),
    st.sampled_from([*_INVISIBLE, *_PICTURES, *_FORMS]),
    st.just(MARKER),
)
TEXTS = st.one_of(
    st.lists(_PIECES, max_size=8).map("".join),
    st.tuples(_PIECES, st.integers(1, 6_000)).map(lambda pair: (pair[0] * pair[1])[: MAX_CHARACTERS + 2]),
)
"""Short ones of anything, and long ones of one thing, up to just beyond the limit."""


def send_all(port: int, key: str, count: int, number: int) -> Verdict:
    """Send so many texts to a service on 127.0.0.1, drawn anew for every number."""
    verdict = Verdict("texts")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    send = _sender(connection, key, verdict)
    checks = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)
    limits = settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=checks, phases=[Phase.generate]
    )
    limits(seed(number)(given(TEXTS, st.booleans())(send)))()
    connection.close()
    return verdict


def _sender(connection: http.client.HTTPConnection, key: str, verdict: Verdict) -> Callable[[str, bool], None]:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}

    def ask(text: str, escaped: bool) -> tuple[http.client.HTTPResponse, bytes]:
        connection.request("POST", "/predict", body_of(text, escaped), headers)
        answer = connection.getresponse()
        return answer, answer.read()

    def send(text: str, escaped: bool) -> None:
        try:
            try:
                answer, content = ask(text, escaped)
            except ConnectionError:  # a connection may be closed while it is idle: clients ask once more
                connection.close()
                answer, content = ask(text, escaped)
        except TimeoutError:
            connection.close()
            verdict.hung("a text")
            return
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            verdict.faults.update([f"a text: no answer, {type(error).__name__}"])
            return
        names = {name.lower(): value for name, value in answer.getheaders()}
        verdict.judge("a text", [Answer(answer.status, names, content)])
        verdict.faults.update(wrong(text, answer.status, content))

    return send


def body_of(text: str, escaped: bool) -> bytes:
    """Return the body that asks for a text, in UTF-8 or escaped to ASCII; half a character has no form but escaped."""
    lone = any("\ud800" <= character <= "\udfff" for character in text)
    return json.dumps({"text": text}, ensure_ascii=escaped or lone).encode()


def wrong(text: str, status: int, content: bytes) -> list[str]:
    """Name what is wrong with the answer to a text, as the design has it."""
    expected = 200 if can_be_scored(text) else 422
    if status != expected:
        return [f"a text: answered {status}, expected {expected}"]
    if status != 200:
        return []
    scores = json.loads(content)["scores"].values()
    good = all(0 <= score <= 1 for score in scores) and abs(sum(scores) - 1) < 1e-5
    return [] if good else ["a text: scores that are no probabilities"]


def can_be_scored(text: str) -> bool:
    """Tell whether a text is of whole characters, not too long, and more than blanks and control characters."""
    joined: str = json.loads(json.dumps(text))  # two halves that stand side by side are one character
    whole = not any("\ud800" <= character <= "\udfff" for character in joined)
    return whole and len(joined) <= MAX_CHARACTERS and not _BLANK.fullmatch(joined)
