"""The servers that are measured: how each is started, asked, and known to serve the right model."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.texts import body


def _texts_body(text: str) -> bytes:
    return json.dumps({"texts": [text]}, ensure_ascii=False).encode()


def _own_scores(answer: Any) -> list[float]:
    return list(answer["scores"].values())


def _probabilities(answer: Any) -> list[float]:
    probabilities: list[float] = answer["probabilities"]
    return probabilities


def _only_row(answer: Any) -> list[float]:
    probabilities: list[float] = answer[0]
    return probabilities


@dataclass(frozen=True, slots=True)
class Server:
    """One server.

    Attributes:
        name: in tables.
        arguments: of `python -m`, which start it.
        needs: the package that must be installed.
        body: the request for a text.
        scores: takes the probabilities out of an answer; None for a server without a model.
        environment: beyond the port and the model version, which all get.
    """

    name: str
    arguments: tuple[str, ...]
    needs: str = "uvicorn"
    body: Callable[[str], bytes] = body
    scores: Callable[[Any], list[float]] | None = _probabilities
    environment: Mapping[str, str] = field(default_factory=dict)


def service(name: str, *arguments: str, needs: str = "onnxruntime", **settings: str) -> Server:
    """Return our own service with some settings."""
    return Server(name, arguments or ("service", "serve"), needs, scores=_own_scores, environment=settings)


NUNCHI = service("nunchi")
EMPTY = Server("empty FastAPI endpoint", ("bench.peers.empty_fastapi",), scores=None)
ECHO = Server("bare ASGI echo", ("bench.peers.bare_asgi",), scores=None)
KERAS_CALL = Server("FastAPI + keras_model(x)", ("bench.peers.fastapi_keras", "call"), "tensorflow")
KERAS_PREDICT = Server("FastAPI + model.predict", ("bench.peers.fastapi_keras", "predict"), "tensorflow")
KERAS_LAYER = Server("FastAPI + TFSMLayer(x)", ("bench.peers.fastapi_keras", "layer"), "tensorflow")
LITSERVE = Server("LitServe", ("bench.peers.with_litserve",), "litserve")
BENTOML = Server("BentoML", ("bench.peers.with_bentoml",), "bentoml", _texts_body, _only_row)
RAY_SERVE = Server("Ray Serve", ("bench.peers.with_ray_serve",), "ray")
PEERS = (LITSERVE, BENTOML, RAY_SERVE)
ALL = (NUNCHI, EMPTY, ECHO, *PEERS, KERAS_LAYER, KERAS_CALL, KERAS_PREDICT)

COMPILED = service("TensorFlow engine", needs="tensorflow", NUNCHI_ENGINE="tensorflow")
PLAIN = service(
    "the same without XLA and batches",
    "bench.peers.service_plain_tensorflow",
    needs="tensorflow",
    NUNCHI_ENGINE="tensorflow",
    NUNCHI_BATCH_TOKENS="1",
)
