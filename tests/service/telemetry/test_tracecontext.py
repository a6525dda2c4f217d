"""The cases are those of the standard and of its test suite, https://github.com/w3c/trace-context."""

import pytest

from service.heads import Head
from service.telemetry.tracecontext import Remote, read_remote

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def remote(parent: str, state: str = "") -> Remote | None:
    return read_remote(Head(traceparent=parent.encode("latin-1"), tracestate=state.encode() or None))


@pytest.mark.parametrize(("flags", "sampled"), [("00", False), ("01", True), ("02", False), ("03", True), ("ff", True)])
def test_a_parent_is_read_with_its_decision(flags: str, sampled: bool) -> None:
    assert remote(f"00-{TRACE}-{SPAN}-{flags}") == Remote(TRACE, SPAN, sampled, "")


@pytest.mark.parametrize("end", ["", "-", "-anything"])
def test_a_later_version_is_read_as_far_as_it_is_known(end: str) -> None:
    assert remote(f"cc-{TRACE}-{SPAN}-01{end}") == Remote(TRACE, SPAN, True, "")


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-001",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-01-more",
        f"01-{TRACE}-{SPAN}-01.more",
        f"ff-{TRACE}-{SPAN}-01",
        f"0-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE}-{SPAN}-0G",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}0-01",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{TRACE[:-1]}٣-{SPAN}-01".encode().decode("latin-1"),
        "\xea\xb0\x80" * 20,
    ],
)
def test_a_parent_that_does_not_keep_to_the_standard_is_ignored(parent: str) -> None:
    assert remote(parent) is None


def test_no_header_is_no_parent() -> None:
    assert read_remote(Head()) is None
    assert read_remote(Head(tracestate=b"a=1")) is None


@pytest.mark.parametrize(
    "state",
    [
        "a=1",
        "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE",
        "tenant@vendor=v, b=2 \t,c=3",
        "a_*/-0=!\"#$%&'()*+-./:;<>?@[]^_`{|}~",
        "a=1,,b=2",
        ",".join(f"k{number}=v" for number in range(32)),
        "a" * 256 + "=" + "v" * 256,
    ],
)
def test_the_state_goes_through_untouched(state: str) -> None:
    found = remote(f"00-{TRACE}-{SPAN}-01", state)
    assert found is not None
    assert found.state == state


@pytest.mark.parametrize(
    "state",
    [
        "a",
        "=1",
        "a=",
        "A=1",
        "a=1,a=2",
        "a=b=c",
        "a =1",
        "1a@=v",
        "a@b@c=1",
        "a=한글",
        "a=\x00",
        "a=1\nb=2",
        ",".join(f"k{number}=v" for number in range(33)),
        "a" * 257 + "=v",
        "a=" + "v" * 257,
    ],
)
def test_a_state_that_does_not_keep_to_the_standard_is_dropped_and_the_parent_kept(state: str) -> None:
    assert remote(f"00-{TRACE}-{SPAN}-01", state) == Remote(TRACE, SPAN, True, "")
