"""The service with a planted leak of TEST_LEAK_BYTES for every request: `python -m tests.prove.leaking serve`."""

import os
import sys

from starlette.types import Receive, Scope, Send

from service.__main__ import main
from service.app import Application

LEAK = "TEST_LEAK_BYTES"


def plant(leak_bytes: int) -> None:
    """Let every request leave something behind."""
    left: list[bytes] = []
    answer = Application.__call__

    async def leaking(self: Application, scope: Scope, receive: Receive, send: Send) -> None:
        left.append(bytes(leak_bytes))
        await answer(self, scope, receive, send)

    Application.__call__ = leaking  # type: ignore[method-assign]


if __name__ == "__main__":
    plant(int(os.environ[LEAK]))
    sys.exit(main())
