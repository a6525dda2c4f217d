"""The service with workers that grow by TEST_LEAK_BYTES at every request: `python -m tests.prove.growing serve`."""

import os
import sys
from functools import partial

from starlette.types import Receive, Scope, Send

from service import growth, supervisor, worker
from service.__main__ import main
from service.app import Application
from tests.prove.leaking import LEAK


def grow(grown_bytes: int) -> None:
    """Let every request leave something in resident memory, and growth count at once."""
    left: list[bytes] = []
    answer = Application.__call__

    async def growing(self: Application, scope: Scope, receive: Receive, send: Send) -> None:
        left.append(b"x" * grown_bytes)  # written to: what is only reserved is not resident
        await answer(self, scope, receive, send)

    Application.__call__ = growing  # type: ignore[method-assign]
    growth._LEAST_AGE_S = 0.0


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        command = (sys.executable, "-m", "tests.prove.growing")
        supervisor.Supervisor = partial(supervisor.Supervisor, command=command)  # type: ignore[assignment, misc]
        sys.exit(main())
    grow(int(os.environ[LEAK]))
    sys.exit(worker.main(sys.argv[1:]))
