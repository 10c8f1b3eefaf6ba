"""ASGI middleware for the tests, by name ``wrapping:Stamp``."""

from __future__ import annotations

from typing import Any

NO_MIDDLEWARE = 7


class Stamp:
    """Leaves its mark on every answer."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def stamped(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-stamp", b"yes")]
            await send(message)

        await self.app(scope, receive, stamped)


def broken(app: Any) -> Any:
    """Raise."""
    raise RuntimeError("it has a fault")
