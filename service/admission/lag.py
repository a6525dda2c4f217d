"""How late the event loop is: the time that anybody waits for it who asks for anything."""

import asyncio
from time import perf_counter

from service.metrics import Metrics

_PERIOD_S = 0.1
_LATE_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2.5)


class LoopLag:
    """Asks the event loop ten times a second to come back, and writes down how late it does.

    Args:
        metrics: where it is shown.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._late = metrics.histogram(
            "sentiment_event_loop_lag_seconds", "How late the event loop does what is due.", (), _LATE_S
        ).labels()

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            due = perf_counter() + _PERIOD_S
            await asyncio.sleep(_PERIOD_S)
            self._late.observe(max(0.0, perf_counter() - due))
