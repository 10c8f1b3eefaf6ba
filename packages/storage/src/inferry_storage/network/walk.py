"""The way of one request over its redirects, without the sending.

Each step is checked like the first address, and what is secret is sent to the origin
that it was given for and to no other.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote

import httpx

from inferry.errors import StorageError
from inferry.storage import InvalidUri, NotAllowed, shown_uri

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_storage.network.guard import Guard

_REDIRECTS = {301, 302, 303, 307, 308}
MAX_REDIRECTS = 5


class Walk:
    """Where a request goes next and which headers it takes along."""

    def __init__(
        self,
        guard: Guard,
        uri: str,
        *,
        headers: Mapping[str, str] | None = None,
        private: Mapping[str, str] | None = None,
        shown: str = "",
    ) -> None:
        """Begin at *uri*; errors name *shown* where that is what was asked for."""
        self._guard = guard
        self._uri = shown or uri
        self._headers = dict(headers or {})
        self._private = dict(private or {})
        self._left = MAX_REDIRECTS
        self._home = guard.origin(uri)
        url = httpx.URL(uri)
        if login := _login(url):
            self._private.setdefault("Authorization", login)
        self.url = _bare(url)

    def headers(self) -> dict[str, str]:
        """Return the headers for the address that is next."""
        if self._guard.check(self.url) == self._home:
            return {**self._headers, **self._private}
        return dict(self._headers)

    def moved(self, status: int, location: str) -> bool:
        """Say whether an answer leads elsewhere; `url` is then where.

        Raises:
            NotAllowed: It leads where services may not go, or on and on.

        """
        if status not in _REDIRECTS:
            return False
        if not location:
            raise InvalidUri(
                f"{shown_uri(self._uri)} redirects and does not say where to",
                remedy="use the address of the file itself",
            )
        if not self._left:
            raise NotAllowed(
                f"{shown_uri(self._uri)} redirects more than {MAX_REDIRECTS} times",
                remedy="use the address that it ends at",
            )
        self._left -= 1
        self.url = self._target(location)
        return True

    def _target(self, location: str) -> httpx.URL:
        shown = shown_uri(self._uri)
        try:
            url = self.url.join(location)
            self._guard.check(url)
        except (httpx.InvalidURL, ValueError):
            raise InvalidUri(
                f"{shown} redirects to what is not a URL",
                remedy="use the address of the file itself",
            ) from None
        except StorageError as error:
            raise type(error)(
                f"{shown} redirects: {error.message}", remedy=error.remedy
            ) from None
        return _bare(url)


def _bare(url: httpx.URL) -> httpx.URL:
    """Return *url* without what is not asked for: user, password, fragment."""
    return url.copy_with(userinfo=b"", fragment=None)


def _login(url: httpx.URL) -> str:
    if not url.userinfo:
        return ""
    user, _, password = url.userinfo.decode("ascii").partition(":")
    return basic(unquote(user), unquote(password))


def basic(user: str, password: str) -> str:
    """Return the header of basic authentication (RFC 7617)."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
