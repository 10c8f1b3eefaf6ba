"""One decision for every connection: may this URL be asked, and at which address."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import TYPE_CHECKING, Any

from inferry.storage import BlockedAddress, InvalidUri, NotAllowed, shown_uri
from inferry_storage.network.addresses import checked_host, is_address, is_own_name
from inferry_storage.network.endpoints import Endpoints, Origin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import httpx

    from inferry_storage.policy import Policy

_FORBIDDEN = frozenset("\\ \t\r\n\0")


class Guard:
    """Knows what the operator allows; the rest is https at public addresses."""

    def __init__(
        self, policy: Policy, endpoints: Endpoints | None = None, *, bundle: str = ""
    ) -> None:
        self.policy = policy
        self.endpoints = endpoints or Endpoints()
        #: The file of authorities that came with the credentials.
        self.bundle = bundle

    @classmethod
    def of(cls, policy: Policy, values: Mapping[str, str]) -> Guard:
        """Return the guard for *policy* and the *values* of credentials.

        Raises:
            NotAllowed: An address of a store among them is none.

        """
        endpoints = Endpoints.of(policy.endpoints, values)
        return cls(policy, endpoints, bundle=values.get("CA_BUNDLE", ""))

    def check(self, url: httpx.URL) -> Origin:
        """Return the origin of *url* if its scheme and host may be asked.

        Raises:
            InvalidUri: It names no host, or writes it in a way that misleads.
            NotAllowed: It is http, and neither its origin nor http is allowed.
            BlockedAddress: It is of neither http nor https.

        """
        shown = shown_uri(str(url))
        raw = url.raw_host.decode("ascii", "replace")
        if not raw:
            # Without a host the text of a URL is a path, to its query and all.
            named = f"{url.scheme}://" if url.scheme else "the URL"
            raise InvalidUri(f"{named} names no host", remedy="correct the URL")
        try:
            # Names of other alphabets that decode to nothing: httpx raises late.
            _ = url.host
        except UnicodeError:
            raise InvalidUri(f"{shown} is not a URL", remedy="correct it") from None
        if _FORBIDDEN & {*raw, *url.userinfo.decode("ascii", "replace")}:
            raise InvalidUri(f"{shown} is not a URL", remedy="correct it")
        host = checked_host(raw)
        port = url.port or {"http": 80, "https": 443}.get(url.scheme, 0)
        origin = Origin(url.scheme, host, port)
        self.admit(origin, shown)
        return origin

    def admit(self, origin: Origin, shown: str) -> None:
        """Let *origin* pass if its scheme may be asked; *shown* names it in errors.

        For those who connect by themselves: `Origin.of` reads a URL without httpx, and
        `lookup` then says at which addresses.

        Raises:
            NotAllowed: It is http, and neither its origin nor http is allowed.
            BlockedAddress: It is of neither http nor https.

        """
        if origin.scheme == "https" or origin in self.endpoints:
            return
        if origin.scheme != "http":
            raise BlockedAddress(f"{shown} is not https", remedy="use an https URL")
        if not self.policy.allow_http:
            raise NotAllowed(
                f"{shown} is http: anybody on the way can change the model",
                remedy="use https, or set [storage] allow_http = true",
            )

    def origin(self, uri: str) -> Origin:
        """Return what `check` returns, of a text that should be a URL.

        Raises:
            InvalidUri: It is none.
            NotAllowed: It may not be asked.

        """
        import httpx

        try:
            url = httpx.URL(uri)
        except (httpx.InvalidURL, ValueError):
            raise InvalidUri(
                f"{shown_uri(uri)} is not a URL", remedy="correct it"
            ) from None
        return self.check(url)

    def may_proxy(self, origin: Origin) -> bool:
        """Say whether a proxy may be asked for *origin*: names, not addresses."""
        return not is_address(origin.host) and not is_own_name(origin.host)

    def lookup(self, host: str, port: int) -> list[str]:
        """Return the addresses of *host* that may be connected to.

        Raises:
            BlockedAddress: None of its addresses may.
            httpcore.ConnectError: It has no address.

        """
        host = checked_host(host)
        return self._chosen(host, port, _resolved(host, port))

    async def lookup_async(self, host: str, port: int) -> list[str]:
        """Do as `lookup` does, without blocking the event loop."""
        host = checked_host(host)
        found = await asyncio.to_thread(_resolved, host, port)
        return self._chosen(host, port, found)

    def _chosen(self, host: str, port: int, addresses: Sequence[str]) -> list[str]:
        if self.endpoints.name(host, port):
            return list(addresses)
        allowed = [each for each in addresses if self.policy.allows(each)]
        if not allowed:
            raise _blocked(host, addresses[0])
        return allowed


def _resolved(host: str, port: int) -> list[str]:
    try:
        found: list[Any] = socket.getaddrinfo(
            host, port or None, type=socket.SOCK_STREAM
        )
    except (OSError, UnicodeError) as error:
        said = getattr(error, "strerror", None) or "no such name"
        raise _no_address(f"{host}: {said}") from error
    addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
    if not addresses:
        raise _no_address(f"{host} has no address")
    return addresses


def _no_address(said: str) -> Exception:
    # Imported late: it takes 80 ms, and clients that connect by themselves need none.
    import httpcore

    return httpcore.ConnectError(said)


def _blocked(host: str, address: str) -> BlockedAddress:
    plain = address.partition("%")[0]
    network = f"{plain}/{ipaddress.ip_address(plain).max_prefixlen}"
    what = host if host == plain else f"{host} is {plain}, which"
    return BlockedAddress(
        f"{what} is not an address that services may reach",
        remedy=f'allow it with [storage] allow_networks = ["{network}"]',
    )
