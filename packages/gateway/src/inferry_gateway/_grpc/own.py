"""What the gateway answers itself: calls that name neither a service nor a model.

The same facts as its HTTP pages give, see `inferry_gateway._pages`.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING

from inferry_gateway._grpc.messages import enum, flag, joined, nested, text, text_field
from inferry_gateway._grpc.methods import HEALTH, INFERENCE, MODEL_READY
from inferry_gateway._pages import EXTENSIONS, index, ready

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry_gateway._gateway import Gateway

_SERVING, _NOT_SERVING = 1, 2
_ALL = frozenset({"", INFERENCE.strip("/")})


def answer(gateway: Gateway, method: str, message: bytes) -> bytes:
    """Return the answer to a call of *method* that is meant for the gateway.

    Raises:
        Refusal: 400, the call has to say whom it is meant for; 404, nobody is there.
        Malformed: *message* is none.
    """
    build = _ANSWERS.get(method)
    if build is None:
        raise gateway.table.nameless(method)
    return build(gateway, message)


def not_ready(method: str) -> bytes | None:
    """Return how *method* says no, or None where only an error can say it."""
    if method.startswith(HEALTH):
        return _serving(serving=False)
    if method in {MODEL_READY, f"{INFERENCE}ServerReady"}:
        return flag(1, value=False)
    return None


def _live(_gateway: Gateway, _message: bytes) -> bytes:
    return flag(1, value=True)


def _ready(gateway: Gateway, _message: bytes) -> bytes:
    return flag(1, value=ready(gateway))


def _health(gateway: Gateway, message: bytes) -> bytes:
    """Answer for all, or for the model or ``namespace/name`` that is asked about."""
    asked = text_field(message, 1)
    if asked in _ALL:
        return _serving(serving=ready(gateway))
    service, model = (asked, "") if "/" in asked else ("", asked)
    balancer = gateway.table.call("", service, model)
    return _serving(serving=balancer is not None and balancer.ready)


def _serving(*, serving: bool) -> bytes:
    return enum(1, _SERVING if serving else _NOT_SERVING)


def _metadata(_gateway: Gateway, _message: bytes) -> bytes:
    extensions = joined(text(3, extension) for extension in EXTENSIONS)
    return text(1, "inferry-gateway") + text(2, version("inferry-gateway")) + extensions


def _index(gateway: Gateway, _message: bytes) -> bytes:
    return joined(
        nested(1, text(1, row["name"]) + text(3, row["state"]) + text(4, row["reason"]))
        for row in index(gateway)
    )


_ANSWERS: dict[str, Callable[[Gateway, bytes], bytes]] = {
    f"{INFERENCE}ServerLive": _live,
    f"{INFERENCE}ServerReady": _ready,
    f"{INFERENCE}ServerMetadata": _metadata,
    f"{INFERENCE}RepositoryIndex": _index,
    f"{HEALTH}Check": _health,
    f"{HEALTH}Watch": _health,
}
