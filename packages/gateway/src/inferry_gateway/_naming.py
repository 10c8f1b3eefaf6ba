"""Requests whose body alone tells the model that they are for: those of OpenAI's API.

A client of OpenAI knows one address and names the model in the body, so the body is
read first. Where the host or the path tells, it passes through as any other.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.openai import PATHS
from inferry_gateway._answers import Answer, Refusal, json_answer
from inferry_gateway._refusals import too_much

if TYPE_CHECKING:
    from inferry_gateway._body import RequestBody
    from inferry_gateway._exchange import Exchange
    from inferry_gateway._head import RequestHead

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
#: Bytes of a body that is read here; larger ones have to name their service otherwise.
_LIMIT = 8 * 1024 * 1024
_PATHS = frozenset(path.encode() for path in PATHS)
_NOT_FOUND = 404
_SERVER_ERROR = 500
_CODES = {_NOT_FOUND: "model_not_found", 503: "model_not_ready", 504: "timeout"}
_OTHERWISE = "call its host, or put /serving/NAMESPACE/NAME before the path"


class ByBody(Enum):
    """Says that the body tells where a request goes."""

    BY_BODY = 1


class Naming:
    """The *body* of one exchange while it is read, one of several that are held."""

    __slots__ = ("_body", "_counted", "_exchange")

    def __init__(self, exchange: Exchange, body: RequestBody) -> None:
        self._exchange = exchange
        self._body = body
        self._counted = 0

    def start(self) -> None:
        """Ask for the body, and read what is there of it."""
        exchange = self._exchange
        if exchange.head.expects and not exchange.received:
            exchange.client.write([CONTINUE])
        self.read()

    def read(self) -> None:
        """Send the exchange on its way once the body is whole."""
        exchange, gateway = self._exchange, self._exchange.gateway
        try:
            self._count(exchange.received)
            if exchange.request_done:
                self.release()
                exchange.arrived = gateway.now()
                exchange.go(gateway.named(exchange.head, self._body.peek()))
        except Refusal as refusal:
            exchange.fail(refusal)

    def _count(self, received: int) -> None:
        gateway = self._exchange.gateway
        gateway.held_bytes += received - self._counted
        self._counted = received
        if received > _LIMIT:
            raise Refusal(
                413,
                f"a body above {_LIMIT} bytes is not read for the model in it; say "
                f"which service: {_OTHERWISE}",
            )
        limit = gateway.settings.max_held_bytes
        if gateway.held_bytes > limit:
            raise too_much(limit)

    def release(self) -> None:
        """Hold nothing any more."""
        self._exchange.gateway.held_bytes -= self._counted
        self._exchange.naming = None


class _Body(msgspec.Struct):
    model: str | None = None


def is_operation(target: bytes) -> bool:
    """Whether *target* is an operation of OpenAI's API without its service."""
    return target.partition(b"?")[0].rstrip(b"/") in _PATHS


def check_head(head: RequestHead) -> None:
    """Refuse a request whose body could not be read.

    Raises:
        Refusal: 405 or 415.
    """
    if head.method != b"POST":
        path = head.target.partition(b"?")[0].decode("latin-1")
        raise Refusal(405, f"{path[:100]} answers POST only", allow="POST")
    if any(field.lower().startswith(b"content-encoding:") for field in head.fields):
        raise Refusal(
            415,
            "the model is named in the body, which is not read while compressed; send "
            f"it plain, or say which service: {_OTHERWISE}",
        )


def model_in(body: bytes) -> str | None:
    """Return the model that *body* names, None where it names none.

    Raises:
        Refusal: 400, it is no JSON object, or the name is none.
    """
    try:
        return msgspec.json.decode(body, type=_Body).model
    except msgspec.ValidationError as error:
        what, _, place = str(error).replace("`", "").partition(" - at ")
        text = f"the body names no model: {'model: ' if place else ''}{what[:200]}"
        raise Refusal(400, text, param="model" if place else None) from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        why = f"it is no JSON: {str(error)[:200]}" if body else "it is empty"
        raise Refusal(400, f"the body names no model: {why}") from None


def worded(refusal: Refusal, target: bytes) -> Answer:
    """Return *refusal* in the form that the clients of *target* read."""
    if not _is_openai(target):
        return refusal.answer
    status = refusal.status
    missing = status == _NOT_FOUND and _names_a_model(target)
    error: dict[str, Any] = {
        "message": refusal.message,
        "type": "server_error" if status >= _SERVER_ERROR else "invalid_request_error",
        "param": "model" if missing else refusal.param,
        "code": None if status == _NOT_FOUND and not missing else _CODES.get(status),
    }
    return json_answer({"error": error}, status=status, headers=refusal.answer.headers)


def _is_openai(target: bytes) -> bool:
    if target.startswith(b"/v1/"):
        return not target.startswith(b"/v1/models")
    return target.startswith(b"/openai/") or is_operation(target)


def _names_a_model(target: bytes) -> bool:
    return is_operation(target) or target.startswith(b"/openai/v1/models/")
