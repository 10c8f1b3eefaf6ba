"""Answers are checked before anything is timed: values, not only the status."""

from __future__ import annotations

import http.client
import time
from typing import TYPE_CHECKING

from data_plane.requests import WrongAnswerError
from data_plane.servers import ServerError

if TYPE_CHECKING:
    from data_plane.requests import Request
    from data_plane.servers import Server

_POLL = 0.005
_TIMEOUT = 30


def until_right(
    request: Request,
    port: int,
    server: Server,
    timeout: float = 30.0,
    *,
    values: bool = True,
) -> float:
    """Return the seconds from the start of *server* to its first right answer.

    Without *values* any answer with status 200 is right: a limit has no model.
    """
    ask = check if values else _ask
    why: Exception | None = None
    while server.age < timeout and server.alive:
        try:
            ask(request, port)
        except (OSError, http.client.HTTPException, WrongAnswerError) as error:
            why = error
            time.sleep(_POLL)
        else:
            return server.age
    said = server.log.read_text(errors="replace")[-800:]
    what = f"no right answer in {timeout:g} s: {why}" if server.alive else "it ended"
    raise ServerError(f"{what}; it said: {said}")


def check(request: Request, port: int) -> bytes:
    """Ask *request* once and return the answer's body; raise if it is wrong."""
    headers, body = _ask(request, port)
    try:
        request.check(headers, body)
    except (KeyError, ValueError, TypeError) as error:
        raise WrongAnswerError(
            f"{request.name}: {error!r} in {body[:300]!r}"
        ) from error
    return body


def _ask(request: Request, port: int) -> tuple[dict[str, str], bytes]:
    return _grpc(request, port) if request.grpc else _http(request, port)


def _http(request: Request, port: int) -> tuple[dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
    try:
        connection.request("POST", request.path, request.body, dict(request.headers))
        response = connection.getresponse()
        body = response.read()
    finally:
        connection.close()
    if response.status != 200:
        raise WrongAnswerError(f"{request.name}: {response.status} {body[:300]!r}")
    return {name.lower(): value for name, value in response.getheaders()}, body


def _grpc(request: Request, port: int) -> tuple[dict[str, str], bytes]:
    import grpc

    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        call = channel.unary_unary(
            request.path,
            request_serializer=lambda message: message,
            response_deserializer=lambda message: message,
        )
        try:
            return {}, call(request.body, timeout=_TIMEOUT, wait_for_ready=True)
        except grpc.RpcError as error:
            raise WrongAnswerError(
                f"{request.name}: {error.code()} {error.details()}"
            ) from error
