"""A process that gives labels and prints each that was acknowledged: `python -m … URL first|hasty`. To be killed."""

import asyncio
import sys
from collections.abc import Awaitable

from service.experiments.observation import LabelGiven, LabelResult
from service.store.database import open_database
from service.store.writer import LabelWriter
from tests.service.store.observations import a_label

_AT_ONCE = 8


class HastyWriter(LabelWriter):
    """Acknowledges before the commit: what the tests must find out."""

    def label(self, given: LabelGiven) -> Awaitable[LabelResult]:
        super().label(given)
        answer: asyncio.Future[LabelResult] = asyncio.get_running_loop().create_future()
        answer.set_result("accepted")
        return answer


async def give_labels(writer: LabelWriter, first: int) -> None:
    for number in range(first, 1_000_000, _AT_ONCE):
        await writer.label(a_label(number))
        print(number, flush=True)
        await asyncio.sleep(0)


async def main(url: str, kind: str) -> None:
    writer = (HastyWriter if kind == "hasty" else LabelWriter)(open_database(url))
    writer.start()
    await asyncio.gather(*[give_labels(writer, first) for first in range(_AT_ONCE)])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
