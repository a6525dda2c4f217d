"""The service with three faults put in, which a proof has to find: an echo, a 500, and an undocumented status."""

import sys
from collections.abc import Callable

from starlette.types import Message, Receive, Scope, Send

from service.app import Application, create_app
from service.logs import configure
from service.server import Server, configured, run
from service.settings import load_settings


class Faulty:
    """Answers as the service does, except that it repeats bodies in errors, fails on a letter, and is a teapot.

    Args:
        app: the service.
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = bytearray()

        async def overhear() -> Message:
            message = await receive()
            body.extend(message.get("body", b""))
            return message

        status = 200

        async def spoil(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                message["status"] = status = _status(scope, bytes(body), message["status"])
                message["headers"] = [header for header in message["headers"] if header[0] != b"content-length"]
            elif status >= 400:
                message["body"] = message.get("body", b"") + bytes(body)
            await send(message)

        await self._app({**scope, "extensions": {}}, overhear, spoil)


def _status(scope: Scope, body: bytes, status: int) -> int:
    if "ㅋ".encode() in body:
        return 500
    return 418 if scope["path"] == "/models" and status == 200 else status


def main(wrap: Callable[[Application], Faulty] = Faulty) -> int:
    """Serve until told to stop."""
    settings = load_settings()
    configure(settings.log_level)
    app = create_app(settings)
    config = configured(app, settings)
    config.app = wrap(app)
    return run(Server(config, app.readiness))


if __name__ == "__main__":
    sys.exit(main())
