"""The service with a mistake: an answer that nobody waits for is given to the next. The proof must find it."""

import sys
from typing import Any

from service import batching
from service.__main__ import main

_settle = batching.Batcher._settle


def _settle_wrongly(batcher: batching.Batcher, jobs: list[Any], *others: Any) -> None:
    _settle(batcher, [job for job in jobs if not job.future.done()], *others)


if __name__ == "__main__":
    batching.Batcher._settle = _settle_wrongly  # type: ignore[method-assign, assignment]
    sys.exit(main(sys.argv[1:]))
