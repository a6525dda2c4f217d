"""Ray Serve with its batching on: https://docs.ray.io/en/latest/serve/advanced-guides/dyn-req-batch.html."""

import signal

import ray
from ray import serve
from starlette.requests import Request

from bench.peers.scorer import PORT, Scorer
from bench.plan import CONNECTIONS


@serve.deployment(num_replicas=1, max_ongoing_requests=100)
class Sentiment:
    """One replica."""

    def __init__(self) -> None:
        self.scorer = Scorer()

    @serve.batch(max_batch_size=CONNECTIONS, batch_wait_timeout_s=0.01)
    async def score(self, texts: list[str]) -> list[list[float]]:
        """Score a batch."""
        return self.scorer.score(texts)

    async def __call__(self, request: Request) -> dict[str, list[float]]:
        """Answer one request."""
        text = (await request.json())["text"]
        return {"probabilities": await self.score(text)}


if __name__ == "__main__":
    ray.init(include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1")
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    serve.run(Sentiment.bind(), route_prefix="/predict")  # type: ignore[attr-defined]  # the decorator gives it
    try:
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
    finally:
        serve.shutdown()
        ray.shutdown()
