import asyncio
import time

import pytest

from service.admission.lag import LoopLag
from service.metrics import Metrics

pytestmark = pytest.mark.anyio


async def test_an_event_loop_that_was_held_up_is_seen_as_late() -> None:
    metrics = Metrics()
    measuring = asyncio.create_task(LoopLag(metrics).run())
    await asyncio.sleep(0.05)
    time.sleep(0.3)  # noqa: ASYNC251 - what holds it up
    await asyncio.sleep(0.05)
    measuring.cancel()
    seen = metrics.registry.get_sample_value
    assert seen("sentiment_event_loop_lag_seconds_count") == 1
    assert (seen("sentiment_event_loop_lag_seconds_sum") or 0) > 0.2
