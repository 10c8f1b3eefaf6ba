"""How connections are used: kept, pipelined, asked whether to go on."""

# ruff: noqa: S101 - asserting is what a kit is for
from __future__ import annotations

import socket
from http import HTTPStatus
from typing import TYPE_CHECKING

import httpx

from inferry.testing.protocol import wire
from inferry.testing.protocol._kit import ProtocolKit, assert_same
from inferry.testing.protocol._rest import INFER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.model import Tensor
    from inferry.testing.protocol._served import Served

_TIMES = 3
_HEALTH = b"GET /v2/health/live HTTP/1.1\r\nHost: kit\r\n\r\n"


class ConnectionTests(ProtocolKit):
    """HTTP/1.1 as clients and proxies use it."""

    def test_a_connection_is_kept(
        self,
        served: Served,
        inputs: tuple[Tensor, ...],
        expected: Mapping[str, Tensor],
    ) -> None:
        """Several requests and a refused one go over one connection.

        On failure: update inferry-server.
        """
        body = wire.body(inputs, binary=True, parameters={"binary_data_output": True})
        limits = httpx.Limits(max_connections=1)
        with httpx.Client(base_url=served.url, limits=limits) as client:
            ports = set()
            for _ in range(_TIMES):
                given = client.post(INFER, content=body.content, headers=body.headers)
                ports.add(_local_port(given))
                assert_same(expected, wire.read(given).outputs)
                assert (
                    client.post(INFER, content=b"{").status_code
                    == HTTPStatus.BAD_REQUEST
                )
        assert len(ports) == 1

    def test_requests_may_be_pipelined(
        self,
        served: Served,
        inputs: tuple[Tensor, ...],
        expected: Mapping[str, Tensor],
    ) -> None:
        """Requests sent without waiting are answered in their order.

        On failure: update inferry-server.
        """
        one = _request(inputs)
        with _connect(served) as connection:
            connection.sendall(one + _HEALTH + one)
            answers = [_response(connection) for _ in range(_TIMES)]
        first, health, last = answers
        assert health.json() == {"live": True}
        for answer in (first, last):
            assert_same(expected, wire.read(answer).outputs)

    def test_a_client_may_wait_for_100_continue(
        self,
        served: Served,
        inputs: tuple[Tensor, ...],
        expected: Mapping[str, Tensor],
    ) -> None:
        """``Expect: 100-continue`` is answered before the body is sent.

        On failure: update inferry-server.
        """
        head, blank, content = _request(inputs, "Expect: 100-continue").partition(
            b"\r\n\r\n"
        )
        with _connect(served) as connection:
            connection.sendall(head + blank)
            assert connection.recv(1024).startswith(b"HTTP/1.1 100 ")
            connection.sendall(content)
            assert_same(expected, wire.read(_response(connection)).outputs)

    def test_a_request_may_come_in_pieces(
        self,
        served: Served,
        inputs: tuple[Tensor, ...],
        expected: Mapping[str, Tensor],
    ) -> None:
        """A chunked body and a head that comes byte by byte are the same request.

        On failure: update inferry-server.
        """
        body = wire.body(inputs, binary=True, parameters={"binary_data_output": True})
        halves = [body.content[:7], body.content[7:]]
        given = served.request(
            "POST", INFER, content=iter(halves), headers=dict(body.headers)
        )
        assert_same(expected, wire.read(given).outputs)
        with _connect(served) as connection:
            for byte in _request(inputs)[:60]:
                connection.sendall(bytes([byte]))
            connection.sendall(_request(inputs)[60:])
            assert_same(expected, wire.read(_response(connection)).outputs)


def _connect(served: Served) -> socket.socket:
    host, _, port = served.http.partition(":")
    return socket.create_connection((host, int(port)), timeout=30)


def _request(inputs: tuple[Tensor, ...], *lines: str) -> bytes:
    body = wire.body(inputs, binary=True, parameters={"binary_data_output": True})
    headers = [f"{name}: {text}" for name, text in body.headers.items()]
    length = f"Content-Length: {len(body.content)}"
    head = "\r\n".join(
        [f"POST {INFER} HTTP/1.1", "Host: kit", *headers, length, *lines]
    )
    return head.encode() + b"\r\n\r\n" + body.content


def _response(connection: socket.socket) -> httpx.Response:
    """Read one response and not a byte of the next."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += _exactly(connection, 1)
    status, *lines = head.decode().strip().split("\r\n")
    pairs = [line.partition(": ") for line in lines]
    headers = httpx.Headers([(name, text) for name, _, text in pairs])
    length = int(headers["content-length"])
    return httpx.Response(
        int(status.split()[1]), headers=headers, content=_exactly(connection, length)
    )


def _exactly(connection: socket.socket, size: int) -> bytes:
    got = b""
    while len(got) < size:
        more = connection.recv(size - len(got))
        assert more, f"the server closed the connection after {got!r}"
        got += more
    return got


def _local_port(response: httpx.Response) -> int:
    stream = response.extensions["network_stream"]
    port: int = stream.get_extra_info("client_addr")[1]
    return port
