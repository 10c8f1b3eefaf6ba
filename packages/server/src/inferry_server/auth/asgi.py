"""What stands between the socket and the application: the gatekeeper, middleware."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from inferry.errors import SettingsError, one_line
from inferry_server.errors import Unauthorized
from inferry_server.http.errors import refusal
from inferry_server.http.openai_errors import is_openai, openai_refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from inferry_server.auth.gatekeeper import Gatekeeper
    from inferry_server.http.exchange import Receive, Scope, Send

    Application = Callable[[Scope, Receive, Send], Awaitable[None]]
    Middleware = Callable[[Application], Application]

#: What a kubelet asks, which has no key.
OPEN = frozenset({"/v2/health/live", "/v2/health/ready"})
_LOOKED_AT = frozenset({b"authorization", b"x-api-key"})
_CHALLENGE = b'Bearer realm="inferry"'
#: Seconds that a client has to see that its body is refused.
_LINGER = 1.0


def guarded(
    app: Application, middleware: Sequence[str], gatekeeper: Gatekeeper | None
) -> Application:
    """Return *app* behind *middleware*, outermost first, and that behind *gatekeeper*.

    Raises:
        SettingsError: A middleware cannot be imported or made.

    """
    for name in reversed(middleware):
        try:
            app = load_middleware(name)(app)
        except SettingsError:
            raise
        except Exception as error:
            raise SettingsError(
                f"middleware {name}: it cannot be made: {one_line(error)}"
            ) from error
    return app if gatekeeper is None else Guard(app, gatekeeper)


def load_middleware(name: str) -> Middleware:
    """Return what *name* says, ``module:attribute``: a callable from app to app.

    Raises:
        SettingsError: There is none of that name.

    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise SettingsError(f"middleware {name!r} must read 'module:attribute'")
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise SettingsError(
            f"middleware {name}: it cannot be imported: {one_line(error)}"
        ) from error
    if not callable(found):
        raise SettingsError(f"middleware {name}: it is no callable from app to app")
    middleware: Middleware = found
    return middleware


class Guard:
    """Passes to *app* only what *gatekeeper* admits, before any body is read.

    Health is open.
    """

    def __init__(self, app: Application, gatekeeper: Gatekeeper) -> None:
        self._app = app
        self._gatekeeper = gatekeeper

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401, or hand the request on."""
        if scope["type"] != "http":
            return
        if not _is_open(scope):
            try:
                self._gatekeeper.admit(_headers(scope["headers"]))
            except Unauthorized as error:
                await _refuse(error, scope, receive, send)
                return
        await self._app(scope, receive, send)


def _is_open(scope: Scope) -> bool:
    return scope["path"] in OPEN and scope["method"] in ("GET", "HEAD")


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in raw
        if name in _LOOKED_AT
    }


async def _refuse(
    error: Unauthorized, scope: Scope, receive: Receive, send: Send
) -> None:
    refused = openai_refusal if is_openai(scope["path"]) else refusal
    response = refused(401, str(error), (b"www-authenticate", _CHALLENGE))
    has_body = any(
        name == b"transfer-encoding"
        or (name == b"content-length" and value.strip() != b"0")
        for name, value in scope["headers"]
    )
    # What was not read is in the way of the connection's next request.
    linger = _discard(receive) if has_body else None
    await response.send(send, close=has_body, linger=linger)


async def _discard(receive: Receive) -> None:
    """Throw the body away: a client that still sends may never see the answer else."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LINGER):
            while (await receive()).get("more_body", False):
                pass
