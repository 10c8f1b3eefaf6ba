"""A real server on a free port, and the types of the fixtures that give it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from inferry_server import ModelServer, ModelSpec, ServerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from inferry_server import ModelState

#: What the fixtures ``serve`` and ``spec`` are.
Serve = Callable[
    ..., AbstractAsyncContextManager[tuple[ModelServer, httpx.AsyncClient]]
]
SpecOf = Callable[..., ModelSpec]


def spec_of(target: str, name: str = "m", **more: Any) -> ModelSpec:
    """Return the spec of a class in `served_models`, or of ``module:Class``."""
    if ":" not in target:
        target = f"served_models:{target}"
    more.setdefault("path", Path("/nowhere"))
    return ModelSpec(name=name, target=target, **more)


@asynccontextmanager
async def running(
    *specs: ModelSpec,
    on_state: Callable[[ModelState], None] | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[ModelServer, httpx.AsyncClient]]:
    """Serve *specs*; gives the server and a client."""
    settings.setdefault("http_port", 0)
    server = ModelServer(ServerSettings(**settings), on_state=on_state)
    port = await server.start()
    limits = httpx.Limits(max_connections=500, max_keepalive_connections=50)
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=20, trust_env=False
    ) as client:
        try:
            for spec in specs:
                await server.load(spec)
            yield server, client
        finally:
            await client.aclose()
            await server.stop()
