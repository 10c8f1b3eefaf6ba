"""The documentation of the routes, shown by FastAPI; the routes themselves are not its.

The raw ASGI application answers every route before this one is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import FastAPI

from inferry_server.http.openapi import make_openapi

if TYPE_CHECKING:
    from collections.abc import Callable


def make_docs(version: str) -> FastAPI:
    """Return the application behind ``/openapi.json`` and ``/docs``."""
    app = FastAPI(title="Inferry model server", version=version, redoc_url=None)
    document: Callable[[], dict[str, Any]] = lambda: make_openapi(version)  # noqa: E731
    setattr(app, "openapi", document)  # noqa: B010 - the way that FastAPI documents
    return app
