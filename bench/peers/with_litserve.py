"""LitServe with its batching on: https://lightning.ai/docs/litserve/features/batching."""

from typing import Any

import litserve

from bench.peers.scorer import PORT, Scorer
from bench.plan import CONNECTIONS


class Sentiment(litserve.LitAPI):
    """Decoding and encoding one by one, prediction in batches."""

    def setup(self, device: str) -> None:  # noqa: ARG002 - there is only one
        """Load the model in the worker."""
        self.scorer = Scorer()

    def decode_request(self, request: dict[str, str]) -> str:
        """Take the text out of a request."""
        return request["text"]

    def batch(self, inputs: list[str]) -> list[str]:
        """Leave the texts a list: the scorer pads them."""
        return inputs

    def predict(self, x: list[str]) -> list[list[float]]:
        """Score a batch."""
        return self.scorer.score(x)

    def unbatch(self, output: list[list[float]]) -> list[list[float]]:
        """Leave the probabilities a list."""
        return output

    def encode_response(self, output: list[float]) -> dict[str, Any]:
        """Make an answer."""
        return {"probabilities": output}


if __name__ == "__main__":
    api = Sentiment(max_batch_size=CONNECTIONS, batch_timeout=0.01)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1, fast_queue=True)
    server.run(host="127.0.0.1", port=PORT, generate_client_file=False, log_level="warning", access_log=False)
