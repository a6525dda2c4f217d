"""The floor: an ASGI callable that sends back what it received."""

import uvicorn
from starlette.types import Receive, Scope, Send

from bench.peers.scorer import PORT


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request with its own body."""
    assert scope["type"] == "http"  # noqa: S101 - uvicorn is told to send nothing else
    message = await receive()
    body = message["body"]
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(echo, port=PORT, loop="uvloop", http="httptools", lifespan="off", access_log=False, log_level="warning")
