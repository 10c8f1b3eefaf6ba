"""One request and its answer, in both ways to ask."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from inferry.storage import InvalidUri, Stalled
from inferry_storage.network.exchange import Exchange, text
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from conftest import Handler, WebServer

LOCAL = Policy.of({"allow_http": True, "allow_networks": ("127.0.0.0/8",)})


@pytest.fixture
async def exchange() -> AsyncIterator[Exchange]:
    found = Exchange(LOCAL, {})
    yield found
    await found.close()


async def test_a_form_is_not_sent_on(
    web: WebServer, other_web: WebServer, exchange: Exchange
) -> None:
    def away(handler: Handler) -> None:
        handler.rfile.read(int(handler.headers["Content-Length"]))
        handler.send_response(307)
        handler.send_header("Location", other_web.url("/token"))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.routes["/token"] = away

    form = {"refresh_token": "secret"}
    async with exchange.ask("POST", web.url("/token"), form=form) as answer:
        assert answer.status_code == 307
    assert other_web.requests == []


async def test_cookies_are_not_carried(web: WebServer, exchange: Exchange) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(302 if handler.path == "/a" else 200)
        handler.send_header("Location", "/b")
        handler.send_header("Set-Cookie", "session=1; Path=/")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.routes["/a"] = web.routes["/b"] = answer

    async with exchange.ask("GET", web.url("/a")):
        pass
    async with exchange.ask("GET", web.url("/b")):
        pass
    assert not any("Cookie" in each for each in web.headers)


async def test_a_redirect_that_is_no_url_is_said(
    web: WebServer, exchange: Exchange
) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", "https://xn--/")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.routes["/a"] = answer

    with pytest.raises(InvalidUri, match="redirects to what is not a URL"):
        await asked(exchange, web.url("/a"))
    with pytest.raises(InvalidUri), exchange.stream(web.url("/a")):
        pass


async def asked(exchange: Exchange, uri: str) -> None:
    async with exchange.ask("GET", uri):
        pass


async def test_a_text_has_a_limit(web: WebServer, exchange: Exchange) -> None:
    web.files["/a"] = b"x" * 1000

    async with exchange.ask("GET", web.url("/a")) as answer:
        assert await text(answer, 10) == b"x" * 11


async def test_an_answer_that_drips_is_not_waited_for(web: WebServer) -> None:
    def drip(handler: Handler) -> None:
        with contextlib.suppress(ConnectionError):
            handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for n in range(100):
                handler.wfile.write(f"X-{n}: a\r\n".encode())
                time.sleep(0.05)

    web.routes["/slow"] = drip
    hasty = Policy.of(
        {"allow_http": True, "allow_networks": ("127.0.0.0/8",), "stall_seconds": 0.2}
    )
    exchange = Exchange(hasty, {})

    with pytest.raises(Stalled, match="does not answer in time"):
        async with exchange.ask("HEAD", web.url("/slow")):
            pass

    await exchange.close()
