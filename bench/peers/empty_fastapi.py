"""The ordinary FastAPI endpoint, with nothing in it: pydantic request, constant answer, pydantic response."""

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from bench.peers.scorer import PORT

app = FastAPI()


class Review(BaseModel):
    """The request."""

    text: str


class Prediction(BaseModel):
    """The answer."""

    label: str
    score: float


@app.post("/predict")
async def predict(review: Review) -> Prediction:  # noqa: ARG001 - that is the point
    """Answer the same whatever was asked."""
    return Prediction(label="positive", score=0.5)


if __name__ == "__main__":
    uvicorn.run(app, port=PORT, loop="uvloop", http="httptools", access_log=False, log_level="warning")
