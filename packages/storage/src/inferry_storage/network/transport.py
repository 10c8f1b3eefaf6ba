"""HTTP transports that ask only what the guard allows.

A proxy that the environment names is used, and then decides what can be reached.
"""

from __future__ import annotations

import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import httpcore
import httpx

from inferry_storage.network.dialling import GuardedAsyncDialling, GuardedDialling
from inferry_storage.network.trust import tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator

    from inferry_storage.network.endpoints import Origin
    from inferry_storage.network.guard import Guard

_KEEPALIVE_SECONDS = 30.0
#: Each worker of the engine reads over one connection, and resolving asks beside them.
_CONNECTIONS = 32


class GuardedTransport(httpx.AsyncBaseTransport):
    """The transport of clients of an event loop."""

    def __init__(self, guard: Guard, *, context: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._context = context or tls_context(guard.bundle)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=self._context,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=GuardedAsyncDialling(guard),
        )
        self._proxies: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* if it may be sent.

        Raises:
            NotAllowed: The policy does not let it be sent.

        """
        origin = self._guard.check(request.url)
        if proxy := self._proxy(origin):
            return await self._through(proxy).handle_async_request(request)
        with _translated(request):
            answer = await self._pool.handle_async_request(_plain(request, origin))
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_AsyncBody(
                request, cast("AsyncIterable[bytes]", answer.stream), answer
            ),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
        for transport in self._proxies.values():
            await transport.aclose()

    def _proxy(self, origin: Origin) -> str:
        return proxy_for(origin) if self._guard.may_proxy(origin) else ""

    def _through(self, proxy: str) -> httpx.AsyncHTTPTransport:
        if proxy not in self._proxies:
            self._proxies[proxy] = httpx.AsyncHTTPTransport(
                proxy=proxy, verify=self._context
            )
        return self._proxies[proxy]


class GuardedBlockingTransport(httpx.BaseTransport):
    """The transport of clients of threads."""

    def __init__(self, guard: Guard, *, context: ssl.SSLContext | None = None) -> None:
        self._guard = guard
        self._context = context or tls_context(guard.bundle)
        self._pool = httpcore.ConnectionPool(
            ssl_context=self._context,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=GuardedDialling(guard),
        )
        self._proxies: dict[str, httpx.HTTPTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* if it may be sent.

        Raises:
            NotAllowed: The policy does not let it be sent.

        """
        origin = self._guard.check(request.url)
        if self._guard.may_proxy(origin) and (proxy := proxy_for(origin)):
            return self._through(proxy).handle_request(request)
        with _translated(request):
            answer = self._pool.handle_request(_plain(request, origin))
        return httpx.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(request, cast("Iterable[bytes]", answer.stream), answer),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()
        for transport in self._proxies.values():
            transport.close()

    def _through(self, proxy: str) -> httpx.HTTPTransport:
        if proxy not in self._proxies:
            self._proxies[proxy] = httpx.HTTPTransport(
                proxy=proxy, verify=self._context
            )
        return self._proxies[proxy]


class _AsyncBody(httpx.AsyncByteStream):
    def __init__(
        self,
        request: httpx.Request,
        chunks: AsyncIterable[bytes],
        answer: httpcore.Response,
    ) -> None:
        self._request = request
        self._chunks = chunks
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _translated(self._request):
            async for chunk in self._chunks:
                yield chunk

    async def aclose(self) -> None:
        await self._answer.aclose()


class _Body(httpx.SyncByteStream):
    def __init__(
        self, request: httpx.Request, chunks: Iterable[bytes], answer: httpcore.Response
    ) -> None:
        self._request = request
        self._chunks = chunks
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        with _translated(self._request):
            yield from self._chunks

    def close(self) -> None:
        self._answer.close()


def proxy_for(origin: Origin) -> str:
    """Return the proxy that the environment names for *origin*, empty for none."""
    proxies = urllib.request.getproxies()
    if not proxies or urllib.request.proxy_bypass(origin.host):
        return ""
    return proxies.get(origin.scheme) or proxies.get("all") or ""


def _plain(request: httpx.Request, origin: Origin) -> httpcore.Request:
    """Return *request* for the pool: the host as it was checked, for TLS as well."""
    return httpcore.Request(
        method=request.method,
        url=httpcore.URL(
            scheme=request.url.raw_scheme,
            host=origin.host.encode("ascii"),
            port=request.url.port,
            target=request.url.raw_path,
        ),
        headers=request.headers.raw,
        content=request.stream,
        extensions={**request.extensions, "sni_hostname": origin.host},
    )


@contextmanager
def _translated(request: httpx.Request) -> Iterator[None]:
    """Raise what httpcore raises as the class of httpx that has its name."""
    try:
        yield
    except (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
        httpcore.ProxyError,
    ) as error:
        kind = getattr(httpx, type(error).__name__, httpx.TransportError)
        raise kind(str(error), request=request) from error
