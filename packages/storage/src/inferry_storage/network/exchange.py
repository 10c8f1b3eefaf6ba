"""One request and its answer, over redirects, with the errors of the contract."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import httpx

from inferry.errors import StorageError
from inferry.storage import BlockedAddress, InvalidUri, Unauthenticated, shown_uri
from inferry_storage.network.client import open_client
from inferry_storage.network.faults import failed
from inferry_storage.network.guard import Guard
from inferry_storage.network.parts import content_length
from inferry_storage.network.streams import Stream, Streams
from inferry_storage.network.walk import Walk

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from inferry_storage.policy import Policy

#: What a message of a server may have, as opposed to a file.
_LONGEST_TEXT = 64 * 1024


class Exchange:
    """Asks servers, each with what is secret for it alone.

    Its methods for threads and those for an event loop may be used side by side.
    ``private`` headers go to the origin of *uri* and to no other. *shown* is the URI
    that errors name, where it is not *uri* that was asked for.
    """

    def __init__(
        self,
        policy: Policy,
        values: Mapping[str, str],
        *,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.guard = Guard.of(policy, values)
        self._context = context
        self._client: httpx.AsyncClient | None = None
        self._streams = Streams(self.guard, context)

    @asynccontextmanager
    async def ask(
        self,
        method: str,
        uri: str,
        *,
        headers: Mapping[str, str] | None = None,
        private: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        shown: str = "",
        admit: Callable[[str], None] | None = None,
    ) -> AsyncIterator[httpx.Response]:
        """Give the answer after redirects, its body not yet read.

        A ``form`` goes to the origin of *uri* only: its redirects are not followed.
        *admit* is shown where a redirect leads before the guard is.

        Raises:
            StorageError: Not allowed, not reachable.

        """
        shown = shown or uri
        walk = self._walk(uri, headers, private, shown)
        sent = _Sent(method, form, content)
        response = await self._followed(sent, shown, walk, admit)
        try:
            yield response
        except httpx.HTTPError as error:
            raise failed(shown, error) from error
        finally:
            await _drained(response)

    @contextmanager
    def stream(
        self,
        uri: str,
        *,
        headers: Mapping[str, str] | None = None,
        private: Mapping[str, str] | None = None,
        shown: str = "",
    ) -> Iterator[Stream]:
        """Give the answer to GET after redirects, for a thread.

        Raises:
            StorageError: Not allowed, not reachable.

        """
        shown = shown or uri
        walk = self._walk(uri, headers, private, shown)
        try:
            while True:
                with self._streams.get(walk.url, walk.headers()) as answer:
                    location = answer.headers.get("location", "")
                    if not walk.moved(answer.status_code, location):
                        yield answer
                        return
        except BlockedAddress as error:
            raise _named(shown, error) from None
        except httpx.HTTPError as error:
            raise failed(shown, error) from error

    async def close(self) -> None:
        """Close all connections."""
        self._streams.close()
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    def _walk(
        self,
        uri: str,
        headers: Mapping[str, str] | None,
        private: Mapping[str, str] | None,
        shown: str,
    ) -> Walk:
        _check_sendable(shown, private or {})
        return Walk(self.guard, uri, headers=headers, private=private, shown=shown)

    async def _followed(
        self,
        sent: _Sent,
        shown: str,
        walk: Walk,
        admit: Callable[[str], None] | None,
    ) -> httpx.Response:
        if self._client is None:
            self._client = open_client(self.guard, self._context)
        while True:
            # What a server sets on its way is no business of the next request.
            self._client.cookies.clear()
            request = self._client.build_request(
                sent.method,
                walk.url,
                headers=walk.headers(),
                data=sent.form,
                content=sent.content,
            )
            response = await send(self._client, request, shown)
            location = response.headers.get("location", "")
            try:
                if location and admit is not None:
                    admit(location)
                if sent.form or not walk.moved(response.status_code, location):
                    return response
            except StorageError:
                await response.aclose()
                raise
            await _drained(response)


class _Sent(NamedTuple):
    """What is asked on every step of the way."""

    method: str
    form: Mapping[str, str] | None
    content: bytes | None


async def send(
    client: httpx.AsyncClient, request: httpx.Request, uri: str
) -> httpx.Response:
    """Send *request* and give the answer, its body not yet read; *uri* is for errors.

    Raises:
        StorageError: Not allowed, not reachable, or it redirects to what is no URL.

    """
    try:
        async with asyncio.timeout(_longest(client)):
            return await client.send(request, stream=True)
    except TimeoutError as error:
        raise failed(uri, error) from error
    except BlockedAddress as error:
        raise _named(uri, error) from None
    except httpx.HTTPError as error:
        raise failed(uri, error) from error
    except (httpx.InvalidURL, UnicodeError):
        # httpx reads where an answer leads even where it is not told to go there.
        raise InvalidUri(
            f"{shown_uri(uri)} redirects to what is not a URL",
            remedy="use the address of the file itself",
        ) from None


def _longest(client: httpx.AsyncClient) -> float | None:
    """Return how long an answer may take to begin.

    The time for one read starts again with each byte that a server lets drip.
    """
    connect, read = client.timeout.connect, client.timeout.read
    return None if connect is None or read is None else connect + 2 * read


def _named(uri: str, error: BlockedAddress) -> BlockedAddress:
    """Say of which URI *error* is, for the address itself is found on the way."""
    shown = shown_uri(uri)
    if error.message.startswith(shown):
        return error
    return BlockedAddress(f"{shown}: {error.message}", remedy=error.remedy)


def _check_sendable(uri: str, private: Mapping[str, str]) -> None:
    """Refuse what HTTP would: its own error shows the value, which is secret."""
    for name, value in private.items():
        if not (value.isascii() and value.isprintable()):
            raise Unauthenticated(
                f"{shown_uri(uri)}: what the credentials have for {name} "
                "holds a line break or other letters than ASCII",
                remedy="copy the secret again, without what is around it",
            )


async def _drained(response: httpx.Response) -> None:
    """Close, and first read what is left if it is nothing or short.

    Then the connection can be used again.
    """
    nothing = response.request.method == "HEAD"
    length = content_length(response.headers)
    short = not response.is_success and length is not None and length <= _LONGEST_TEXT
    if (nothing or short) and not response.is_stream_consumed:
        with suppress(httpx.HTTPError):
            await response.aread()
    await response.aclose()


async def text(response: httpx.Response, limit: int = _LONGEST_TEXT) -> bytes:
    """Return the body, at most *limit* bytes and one more of it."""
    found = bytearray()
    async for chunk in response.aiter_raw():
        found += chunk
        if len(found) > limit:
            break
    return bytes(found[: limit + 1])
