from service.heads import Head
from service.telemetry.tracecontext import read_remote

PARENT = (b"traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")


def test_what_is_absent_is_none() -> None:
    assert Head.of([]) == Head()


def test_of_several_headers_the_last_counts() -> None:
    assert Head.of([(b"x-request-id", b"first"), (b"x-request-id", b"last")]).request_id == b"last"


def test_several_parents_are_no_parent() -> None:
    assert Head.of([PARENT]).traceparent == PARENT[1]
    assert read_remote(Head.of([PARENT])) is not None
    assert read_remote(Head.of([PARENT, PARENT])) is None


def test_several_headers_of_the_state_of_a_trace_are_one() -> None:
    head = Head.of([(b"tracestate", b"a=1"), PARENT, (b"tracestate", b"b=2,c=3")])
    assert head.tracestate == b"a=1,b=2,c=3"
