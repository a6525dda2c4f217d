"""FastAPI and Keras as most tutorials have it: the model is called in the endpoint, one text at a time.

Usage: python -m bench.peers.fastapi_keras call|predict|layer
    call     keras_model(x), the model built of Keras layers with the weights of the version
    predict  keras_model.predict(x), the same model
    layer    keras_model(x), the SavedModel as a keras.layers.TFSMLayer
"""

import sys
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from bench.peers.scorer import PORT, VERSION, Encoder
from training.restoring import keras_model


class Review(BaseModel):
    """The request."""

    text: str


class Prediction(BaseModel):
    """The answer."""

    probabilities: list[float]


def wrapped() -> keras.Model:
    """Make a Keras model of the SavedModel."""
    layer = keras.layers.TFSMLayer(str(VERSION), call_endpoint="serving_default")
    return keras.Sequential([keras.Input((None,), dtype="int32"), layer])


def scorer(kind: str, encoder: Encoder) -> Callable[[Any], Any]:
    """Return what scores ids (1, length)."""
    model = wrapped() if kind == "layer" else keras_model(encoder.stored)
    if kind == "layer":
        return lambda ids: model(ids)["probabilities"].numpy()
    if kind == "predict":
        return lambda ids: model.predict(ids, verbose=0)
    return lambda ids: model(ids).numpy()


def create_app(kind: str) -> FastAPI:
    """Build the application."""
    app = FastAPI()
    encoder = Encoder()
    score = scorer(kind, encoder)

    @app.post("/predict")
    def predict(review: Review) -> Prediction:
        ids = np.array([encoder.encode(review.text)], dtype=np.int32)
        return Prediction(probabilities=score(ids)[0].tolist())

    return app


if __name__ == "__main__":
    app = create_app(sys.argv[1])
    uvicorn.run(app, port=PORT, loop="uvloop", http="httptools", access_log=False, log_level="warning")
