"""BentoML with its adaptive batching on: https://docs.bentoml.com/en/latest/get-started/adaptive-batching.html."""

import os
import sys

import bentoml

from bench.peers.scorer import PORT, Scorer


@bentoml.service(workers=1, metrics={"enabled": True}, logging={"access": {"enabled": False}})
class Sentiment:
    """One worker; requests are lists, which the dispatcher joins."""

    def __init__(self) -> None:
        self.scorer = Scorer()

    @bentoml.api(batchable=True, route="/predict")
    def predict(self, texts: list[str]) -> list[list[float]]:
        """Score a batch."""
        return self.scorer.score(texts)


if __name__ == "__main__":
    command = [sys.executable, "-m", "bentoml", "serve", "bench.peers.with_bentoml:Sentiment"]
    os.execv(sys.executable, [*command, "--host", "127.0.0.1", "--port", str(PORT)])  # noqa: S606 - fixed
