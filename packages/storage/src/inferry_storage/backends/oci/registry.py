"""A registry as far as a pull needs it: manifests, tags, blobs.

OCI distribution-spec 1.1; what it asks for first is got by `Authorization`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import StorageError
from inferry.storage import NotFound, TooLarge, Unreachable, shown_uri
from inferry_storage.backends.oci import manifests
from inferry_storage.backends.oci.reference import is_digest, is_tag
from inferry_storage.backends.oci.tokens import INSECURE, Authorization
from inferry_storage.network.endpoints import Origin
from inferry_storage.network.exchange import Exchange, text
from inferry_storage.network.faults import refused
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    import httpx

    from inferry.storage import Access
    from inferry_storage.backends.oci.manifests import Manifest
    from inferry_storage.backends.oci.reference import Reference
    from inferry_storage.network.streams import Stream

_UNAUTHORIZED = 401
_NOT_FOUND = 404
_TAGS = 8
_LOGIN_SECONDS = 120
_CHALLENGE = "www-authenticate"


class Registry:
    """Asks the registry of one reference, and logs in as it wants."""

    def __init__(self, access: Access, reference: Reference) -> None:
        self.reference = reference
        self._access = access
        self._policy = _policy(access)
        self._exchange = Exchange(self._policy, access.credentials.values)
        self._login = Authorization(reference, access.credentials, self._exchange)
        self._base = ""
        self._loop: asyncio.AbstractEventLoop | None = None

    async def base(self) -> str:
        """Return the URL of the repository: https unless http is allowed for it."""
        if not self._base:
            address = self.reference.address
            scheme = await self._scheme(address)
            self._base = f"{scheme}://{address}/v2/{self.reference.repository}"
        return self._base

    async def manifest(self, version: str) -> tuple[str, Manifest]:
        """Return the digest of the manifest that *version* names, and what it says.

        Raises:
            StorageError: Not there, not allowed, not what its digest says.

        """
        uri = self.reference.uri
        url = f"{await self.base()}/manifests/{version}"
        async with self.asked(url, {"Accept": manifests.ACCEPT}) as answer:
            body = await text(answer, manifests.MAX_BYTES)
        if answer.status_code == _NOT_FOUND:
            raise await self._missing(version)
        if not answer.is_success:
            raise self.refused(answer.status_code, answer.headers)
        if len(body) > manifests.MAX_BYTES:
            raise TooLarge(
                f"{shown_uri(uri)}: its manifest is longer than "
                f"{manifests.MAX_BYTES} bytes",
                remedy="push the model as fewer files",
            )
        told = answer.headers.get("docker-content-digest", "").strip()
        if is_digest(told):
            manifests.check_digest(uri, body, told)
        asked = version if is_digest(version) else ""
        kind = answer.headers.get("content-type", "")
        found = manifests.decode(uri, body, kind, asked)
        return asked or f"sha256:{hashlib.sha256(body).hexdigest()}", found

    @asynccontextmanager
    async def asked(
        self, url: str, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        """Give the answer for *url*, after a login where the registry wants one.

        Raises:
            StorageError: Not allowed, not reachable, no login.

        """
        self._loop = asyncio.get_running_loop()
        for last in (False, True):
            before = self._login.header
            async with self._exchange.ask(
                "GET", url, headers=headers, private=self._login.private()
            ) as answer:
                if answer.status_code != _UNAUTHORIZED or last:
                    yield answer
                    return
            challenge = answer.headers.get(_CHALLENGE, "")
            await self._login.renew(await self.base(), challenge, before)

    @contextmanager
    def streamed(self, url: str, headers: Mapping[str, str]) -> Iterator[Stream]:
        """Do as `asked` does, for a thread beside the event loop.

        Raises:
            StorageError: Not allowed, not reachable, no login.

        """
        for last in (False, True):
            before = self._login.header
            with self._exchange.stream(
                url, headers=headers, private=self._login.private()
            ) as answer:
                if answer.status_code != _UNAUTHORIZED or last:
                    yield answer
                    return
            self._renewed(answer.headers.get(_CHALLENGE, ""), before)

    def refused(self, status: int, headers: Mapping[str, str]) -> StorageError:
        """Return the error for an answer that is no success."""
        host = self.reference.host
        return refused(
            self.reference.uri,
            status,
            headers,
            rung=self._access.credentials.rung,
            remedy=f"log in with docker login {host}, or correct the name: registries "
            "answer so for repositories that are not there, too",
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._exchange.close()

    def _renewed(self, challenge: str, before: str) -> None:
        """Log in again, on the event loop of whoever resolved."""
        if self._loop is not None and self._loop.is_running():
            renewing = self._login.renew(self._base, challenge, before)
            future = asyncio.run_coroutine_threadsafe(renewing, self._loop)
            future.result(_LOGIN_SECONDS)
        else:
            self._login.header = asyncio.run(self._alone(challenge))

    async def _alone(self, challenge: str) -> str:
        other = Registry(self._access, self.reference)
        try:
            await other._login.renew(await other.base(), challenge, "")
        finally:
            await other.close()
        return other._login.header

    async def _missing(self, version: str) -> NotFound:
        """Say what is not there, and what is."""
        shown = shown_uri(self.reference.uri)
        found = await self._tags()
        if not found:
            return NotFound(
                f"{shown}: the registry has no such repository, or no tag in it",
                remedy="correct the storageUri",
            )
        tags = ", ".join(found[:_TAGS]) + (", …" if len(found) > _TAGS else "")
        return NotFound(
            f"{shown}: the repository has no {version}",
            remedy=f"it has the tags {tags}",
        )

    async def _tags(self) -> list[str]:
        url = f"{await self.base()}/tags/list?n={_TAGS + 1}"
        try:
            async with self.asked(url, {}) as answer:
                listed = json.loads(await text(answer)) if answer.is_success else {}
            return [tag for tag in listed["tags"] or () if is_tag(tag)]
        except (StorageError, ValueError, LookupError, TypeError):
            # The list is a help for people; without it the error is as true.
            return []

    async def _scheme(self, address: str) -> str:
        if Origin.of(f"http://{address}") in self._exchange.guard.endpoints:
            return "http"
        if not self._policy.allow_http:
            return "https"
        try:
            async with self._exchange.ask("GET", f"https://{address}/v2/"):
                return "https"
        except Unreachable:
            # It does not speak TLS, and http is allowed.
            return "http"


def _policy(access: Access) -> Policy:
    policy = Policy.of(access.settings)
    if access.credentials.values.get(INSECURE) == "true":
        return msgspec.structs.replace(policy, allow_http=True)
    return policy
