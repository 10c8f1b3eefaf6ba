"""Bodies for threads: connections, proxies, certificates, breaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inferry.storage import NotAllowed
from inferry_storage.network.guard import Guard
from inferry_storage.network.streams import Streams
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conftest import Handler, WebServer

LOCAL = {"allow_http": True, "allow_networks": ("127.0.0.0/8",), "stall_seconds": 0.5}
DATA = bytes(range(256)) * 4096


@pytest.fixture
def read() -> Iterator[Callable[..., bytes]]:
    streams = Streams(Guard(Policy.of(LOCAL)))

    def get(url: str, **headers: str) -> bytes:
        with streams.get(httpx.URL(url), headers) as answer:
            return b"".join(answer.chunks())

    yield get
    streams.close()


def test_a_body_arrives_whole_and_its_connection_is_kept(
    web: WebServer, read: Callable[..., bytes]
) -> None:
    ports = set()

    def answer(handler: Handler) -> None:
        ports.add(handler.client_address[1])
        web.send(handler, DATA)

    web.routes["/a"] = answer

    assert read(web.url("/a")) == read(web.url("/a")) == DATA
    assert len(ports) == 1


def test_a_connection_that_the_server_closed_is_made_again(
    web: WebServer, read: Callable[..., bytes]
) -> None:
    def answer(handler: Handler) -> None:
        web.send(handler, DATA)
        # It said nothing of this in its answer.
        handler.close_connection = True

    web.routes["/a"] = answer

    assert read(web.url("/a")) == read(web.url("/a")) == DATA


def test_chunks_are_put_together(web: WebServer, read: Callable[..., bytes]) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        handler.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    web.routes["/a"] = answer

    assert read(web.url("/a")) == b"abcde"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_that_is_cut_off_is_an_error(
    web: WebServer, read: Callable[..., bytes], *, chunked: bool
) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        if chunked:
            handler.send_header("Transfer-Encoding", "chunked")
        else:
            handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"5\r\nab")
        handler.close_connection = True

    web.routes["/a"] = answer

    with pytest.raises(httpx.RemoteProtocolError):
        read(web.url("/a"))


def test_a_server_that_says_nothing_is_a_timeout(
    web: WebServer, read: Callable[..., bytes]
) -> None:
    web.routes["/a"] = lambda _: web.hang()

    with pytest.raises(httpx.ReadTimeout):
        read(web.url("/a"))


def test_nobody_listens(read: Callable[..., bytes]) -> None:
    with pytest.raises(httpx.ConnectError):
        read("http://127.0.0.1:1/a")


def test_the_certificate_is_of_the_name(
    secure_web: WebServer, trusted: None, read: Callable[..., bytes]
) -> None:
    secure_web.files["/a"] = DATA

    assert read(secure_web.url("/a")) == DATA
    with pytest.raises(httpx.ReadError, match="CERTIFICATE_VERIFY_FAILED"):
        read(secure_web.url("/a").replace("localhost", "127.0.0.1"))


def test_a_proxy_is_asked_for_names(
    web: WebServer, read: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    web.routes["http://models.example/a"] = lambda handler: web.send(handler, DATA)
    proxy = web.url("", userinfo="me:secret@").replace("localhost", "127.0.0.1")
    monkeypatch.setenv("http_proxy", proxy)

    assert read("http://models.example/a") == DATA
    assert web.headers[0]["Proxy-Authorization"] == "Basic bWU6c2VjcmV0"
    assert web.headers[0]["Host"] == "models.example"


def test_a_proxy_is_a_tunnel_for_https(
    web: WebServer,
    secure_web: WebServer,
    trusted: None,
    read: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The name of the certificate is asked for, and what it signs is read."""
    seen = []

    def refuse(handler: Handler) -> None:
        seen.append((handler.command, handler.path))
        handler.send_error(403)

    web.routes["models.example:443"] = refuse
    monkeypatch.setenv("https_proxy", web.url("").replace("localhost", "127.0.0.1"))

    with pytest.raises(httpx.ReadError, match="403"):
        read("https://models.example/a")
    assert seen == [("CONNECT", "models.example:443")]


def test_a_proxy_of_another_kind_is_said(
    read: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1")

    with pytest.raises(NotAllowed, match="socks5:// is not known here"):
        read("https://models.example/a")


def test_closing_waits_for_nobody_and_keeps_nothing(web: WebServer) -> None:
    streams: Any = Streams(Guard(Policy.of(LOCAL)))
    web.files["/a"] = DATA

    with streams.get(httpx.URL(web.url("/a")), {}) as answer:
        streams.close()
        assert b"".join(answer.chunks()) == DATA
