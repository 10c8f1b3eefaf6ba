"""The model server of Inferry: V1 and V2 over HTTP for one replica.

The public names are imported on first use, so that `inferry_server.plugin` and
`inferry_server.cpu` cost neither numpy nor uvicorn.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inferry_server.server import ModelServer
    from inferry_server.settings import ServerSettings
    from inferry_server.states import (
        Batching,
        ModelSpec,
        ModelState,
        PayloadLog,
        Ports,
        Predictor,
    )

__all__ = [
    "Batching",
    "ModelServer",
    "ModelSpec",
    "ModelState",
    "PayloadLog",
    "Ports",
    "Predictor",
    "ServerSettings",
]

_HOMES = {
    "Batching": "inferry_server.states",
    "ModelServer": "inferry_server.server",
    "ModelSpec": "inferry_server.states",
    "ModelState": "inferry_server.states",
    "PayloadLog": "inferry_server.states",
    "Ports": "inferry_server.states",
    "Predictor": "inferry_server.states",
    "ServerSettings": "inferry_server.settings",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - PEP 562 gives back anything
    if name not in _HOMES:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
