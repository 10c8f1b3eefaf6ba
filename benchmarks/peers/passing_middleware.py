"""An ASGI middleware that does nothing: it sends requests through the ASGI lane."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    App = Callable[[dict[str, Any], Any, Any], Awaitable[None]]


class Passing:
    """Calls the application."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(
        self, scope: dict[str, Any], receive: object, send: object
    ) -> None:
        """Pass everything on."""
        await self.app(scope, receive, send)
