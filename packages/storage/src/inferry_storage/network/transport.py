"""Connect only to addresses that the policy allows.

The name is looked up, every address is checked, and the connection goes to the checked
address itself: a name that answers differently the second time gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import urllib.request
from typing import TYPE_CHECKING

import httpx

from inferry.errors import StorageError
from inferry.status import Reason

if TYPE_CHECKING:
    from inferry_storage.policy import Policy


class GuardedTransport(httpx.AsyncBaseTransport):
    """An HTTP transport that refuses addresses which the policy does not allow.

    A proxy that the environment names is used, and then decides what can be reached.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        # One pool per name: within a pool, connections go by address, and one whose
        # certificate was checked for a name would serve another name of that address.
        self._direct: dict[str, httpx.AsyncHTTPTransport] = {}
        self._proxies: dict[str, httpx.AsyncHTTPTransport] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request* to the first checked address that takes the connection.

        Raises:
            StorageError: No address of the host is allowed.

        """
        host = request.url.host
        proxy = _proxy(request.url)
        if proxy and not _is_address(host):
            return await self._through(proxy).handle_async_request(request)
        failure: httpx.ConnectError | httpx.ConnectTimeout | None = None
        for address in await self._addresses(host, request.url.port):
            try:
                return await self._send(request, address)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                failure = error
        raise failure or httpx.ConnectError(f"{host} has no address")

    async def aclose(self) -> None:
        """Close all connections."""
        for transport in (*self._direct.values(), *self._proxies.values()):
            await transport.aclose()

    async def _send(self, request: httpx.Request, address: str) -> httpx.Response:
        # The certificate is still checked against the name.
        extensions = {**request.extensions, "sni_hostname": request.url.host}
        checked = httpx.Request(
            request.method,
            request.url.copy_with(host=address),
            headers=request.headers,
            stream=request.stream,
            extensions=extensions,
        )
        if request.url.host not in self._direct:
            self._direct[request.url.host] = httpx.AsyncHTTPTransport()
        return await self._direct[request.url.host].handle_async_request(checked)

    async def _addresses(self, host: str, port: int | None) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port or 443, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError(f"{host}: {error.strerror}") from error
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        allowed = [each for each in addresses if self._policy.allows(each)]
        if addresses and not allowed:
            raise _not_allowed(host, addresses[0])
        return allowed

    def _through(self, proxy: str) -> httpx.AsyncHTTPTransport:
        if proxy not in self._proxies:
            self._proxies[proxy] = httpx.AsyncHTTPTransport(proxy=proxy)
        return self._proxies[proxy]


def _proxy(url: httpx.URL) -> str:
    """Return the proxy that the environment names for *url*, empty for none."""
    proxies = urllib.request.getproxies()
    if urllib.request.proxy_bypass(url.host):
        return ""
    return proxies.get(url.scheme) or proxies.get("all") or ""


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    return True


def _not_allowed(host: str, address: str) -> StorageError:
    plain = address.partition("%")[0]
    network = f"{plain}/{ipaddress.ip_address(plain).max_prefixlen}"
    what = host if host == plain else f"{host} is {plain}, which"
    return StorageError(
        f"{what} is not an address that services may reach",
        reason=Reason.StorageNotAllowed,
        remedy=f'allow it with [storage] allow_networks = ["{network}"]',
    )
