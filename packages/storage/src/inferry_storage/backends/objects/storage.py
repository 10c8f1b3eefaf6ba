"""The client of every object store: one object or one folder, read by ranges."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from inferry.errors import StorageError
from inferry.storage import (
    EmptyModel,
    Entry,
    NotFound,
    Snapshot,
    shown_uri,
)
from inferry_storage.backends.objects.body import Body, is_without_ranges, plain
from inferry_storage.backends.objects.heading import headers_of
from inferry_storage.backends.objects.listing import (
    Listing,
    entry_of,
    near,
    without_markers,
)
from inferry_storage.backends.objects.refusals import (
    Asked,
    WrongRegion,
    changed,
    no_store,
    refusal,
)
from inferry_storage.backends.objects.waiting import in_thread
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Generator,
        Iterator,
        Mapping,
        Sequence,
    )

    from obstore import GetOptions, ObjectMeta
    from obstore.store import ObjectStore

    from inferry.storage import Access, Credentials, Source
    from inferry_storage.backends.objects.address import Address

_LOGGER = logging.getLogger(__name__)
_MD5 = re.compile(r"[0-9a-f]{32}")
#: The rungs of the setting ``require`` that an MD5 is worth any hashing for.
_CHECKED = frozenset({"checksum", "digest", "signature"})
#: Up to here it costs little beside the request; what is larger was mostly uploaded in
#: parts, and then has none.
_CHEAP = 64 * 2**20
# Patterns may leave few of many: more are listed then, but never without end.
_PATTERNS_LIST = 10


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A store that is opened, and its address as messages name it.

    ``base`` is the URL that keys are appended to, and ``signs`` says that requests can
    be signed without asking anybody.
    """

    store: ObjectStore
    endpoint: str
    base: str = ""
    anonymous: bool = False
    insecure: bool = False
    signs: bool = True


class Cloud(Protocol):
    """What one kind of object store does its own way."""

    name: str
    #: What it calls a bucket.
    kind: str

    def has_md5(self, bucket: str) -> bool:
        """Say whether ETags of *bucket* that look like an MD5 are one as a rule."""

    def is_md5(self, md5: str, headers: Mapping[str, str]) -> bool:
        """Say whether the ETag *md5* is one, by the *headers* of its object."""

    def address(self, uri: str) -> Address:
        """Return what *uri* names."""

    def open(self, address: Address, access: Access, source: Source) -> Opened:
        """Return the store of the bucket; a thread calls it, for it may wait."""

    def elsewhere(self, address: Address, access: Access, region: str) -> Opened | None:
        """Return the store of the bucket in the region where it is, if it is known."""


class ObjectStorage:
    """Reads one bucket: that of the source it resolved last.

    Threads wait for obstore. What its own coroutines leave to its threads may still
    want the interpreter when a short program has come to its end, and abort it.
    """

    def __init__(self, access: Access, cloud: Cloud) -> None:
        self._access = access
        self._cloud = cloud
        self._policy = Policy.of(access.settings)
        self._store: Any = None
        self._opened: Opened | None = None
        self._asked = Asked(
            cloud=cloud.name,
            kind=cloud.kind,
            shown=cloud.name,
            where=cloud.name,
            rung=access.credentials.rung,
            who=_who(access.credentials),
            last="metadata server" in access.credentials.detail,
            missed=access.credentials.detail.partition("; ")[2],
        )
        self._version: str | None = None
        self._ranges = True

    async def resolve(self, source: Source) -> Snapshot:
        """List what *source* names: the object of this name, or else the folder.

        Raises:
            StorageError: Nothing is there, or the store does not say.

        """
        address = self._cloud.address(source.uri)
        self._version = address.version
        self._asked = msgspec.structs.replace(
            self._asked, shown=shown_uri(source.uri), bucket=address.bucket
        )
        cloud, access = self._cloud, self._access
        with self._told():
            opened = await in_thread(cloud.open, address, access, source)
        try:
            return await self._snapshot(address, opened)
        except WrongRegion as error:
            other = await in_thread(cloud.elsewhere, address, access, error.region)
            if other is None:
                raise
        return await self._snapshot(address, other)

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield *length* bytes of *entry* from *start*, or all to its end.

        Raises:
            Changed: It is no longer the object that was resolved.
            StorageError: The store refuses, stalls or breaks off.

        """
        pieces = self.read_blocking(entry, start, length)
        try:
            while piece := await in_thread(next, pieces, b""):
                yield piece
        finally:
            # One that a thread still waits in ends with that thread.
            with suppress(ValueError):
                pieces.close()

    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Generator[bytes, None, None]:
        """Yield what `read` does, for a thread to wait for."""
        import obstore

        body = Body(entry, start, length, ranged=self._ranges)
        if not body.wanted:
            return
        store, key, asked = self._store, entry.location, self._asked.about(entry.path)
        with self._told(entry):
            try:
                result = obstore.get(store, key, options=body.options(self._version))
            except Exception as error:
                self._ranges = self._ranges and not is_without_ranges(error)
                if not body.fell_back(error, asked):
                    raise
                result = obstore.get(store, key, options=body.options(self._version))
            body.check(result, asked)
            for chunk in body.pieces(result):
                if part := body.take(chunk):
                    yield part
                if body.ended:
                    break
        body.finish(asked)

    async def confirms(self, entry: Entry) -> bool:
        """Say whether the digest of *entry* is one, when its bytes have another.

        Raises:
            StorageError: The store does not say.

        """
        return await in_thread(self._confirms, entry)

    def _confirms(self, entry: Entry) -> bool:
        opened = self._opened
        if opened is None or not opened.signs:
            return True
        asked = self._asked.about(entry.path)
        with self._told(entry):
            headers = headers_of(
                opened, entry.location, asked.shown, self._access, self._policy
            )
        if headers is None:
            return True  # it is gone, which the next read tells
        etag = plain(entry.etag or "")
        if plain(headers.get("etag", "")) != etag:
            # Of another state of the object, so of a version it says nothing.
            return self._version is None
        return self._cloud.is_md5(etag, headers)

    async def close(self) -> None:
        """Let go of the store; its connections end with it."""
        self._store = self._opened = None

    async def _snapshot(self, address: Address, opened: Opened) -> Snapshot:
        self._store, self._opened = opened.store, opened
        self._asked = msgspec.structs.replace(
            self._asked,
            endpoint=opened.endpoint,
            where=opened.endpoint,
            anonymous=opened.anonymous,
        )
        for key in address.keys:
            if (entries := await self._entries(key, address)) is not None:
                return self._made(address, key, entries)
        raise await in_thread(self._not_found, address)

    async def _entries(self, key: str, address: Address) -> list[Entry] | None:
        """Return what is at *key*, None where nothing is."""
        listing = Listing(self._store, key, self._asked)
        first = in_thread(self._begins, listing)
        if address.folder or not key:
            if not await first and key:
                return None
            return await in_thread(self._folder, listing)
        both = await asyncio.gather(
            in_thread(self._head, key), first, return_exceptions=True
        )
        head: ObjectMeta | BaseException = both[0]
        begins: bool | BaseException = both[1]
        if not isinstance(head, BaseException):
            if head["e_tag"] is None:
                # Web servers take any path: the page is not to be a model.
                raise no_store(self._asked)
            if begins is True:
                _LOGGER.info(
                    "%s is an object and also a folder: end it with / for the folder",
                    self._asked.shown,
                )
            return [entry_of(head, key.rpartition("/")[2])]
        if begins is True:
            return await in_thread(self._folder, listing)
        # A refused listing says why, a refused HEAD has no body to say it in.
        if isinstance(begins, BaseException):
            raise begins
        if not isinstance(head, NotFound):
            raise head
        return None

    def _head(self, key: str) -> ObjectMeta:
        import obstore

        with self._told():
            if self._version is None:
                return obstore.head(self._store, key)
            options: GetOptions = {"version": self._version, "head": True}
            return obstore.get(self._store, key, options=options).meta

    def _begins(self, listing: Listing) -> bool:
        with self._told():
            return listing.begins()

    def _folder(self, listing: Listing) -> list[Entry]:
        policy = self._policy
        chosen = policy.allow_patterns or policy.ignore_patterns
        most = policy.max_files * (_PATTERNS_LIST if chosen else 1)
        with self._told():
            entries = listing.entries(most)
        return without_markers(entries, self._exists)

    def _exists(self, key: str) -> bool:
        try:
            self._head(key)
        except NotFound:
            return False
        return True

    def _not_found(self, address: Address) -> StorageError:
        key = address.keys[0]
        names = near(self._store, key) if key else []
        if not address.folder:
            names = [each for each in names if each != key]  # a folder's marker
        hint = f"; near it: {', '.join(map(repr, names))}" if names else ""
        what = "folder" if address.folder else "object and no folder"
        return NotFound(
            f"{self._asked.shown}: the {self._cloud.kind} {address.bucket!r} has no "
            f"{what} {key!r}{hint}",
            remedy="correct the storageUri",
        )

    def _made(self, address: Address, key: str, found: Sequence[Entry]) -> Snapshot:
        if not found:
            raise EmptyModel(
                f"{self._asked.shown} holds no files",
                remedy="upload the model, or correct the storageUri",
            )
        where = f"{self._asked.endpoint}\n{address.bucket}\n{key}\n{address.version}"
        state = hashlib.sha256(where.encode())
        entries = []
        for entry in sorted(found, key=lambda each: each.path):
            state.update(f"\n{entry.path}\0{entry.size}\0{entry.etag}".encode())
            entries.append(self._known(entry))
        return Snapshot(
            uri=address.uri,
            id=f"etags:{state.hexdigest()}",
            entries=tuple(entries),
            origin=self._asked.endpoint,
        )

    def _known(self, entry: Entry) -> Entry:
        etag = plain(entry.etag or "")
        is_md5 = _MD5.fullmatch(etag) and self._cloud.has_md5(self._asked.bucket)
        digest = f"md5:{etag}" if is_md5 and self._is_hashed(entry) else None
        return msgspec.structs.replace(entry, digest=digest, ranges=self._ranges)

    def _is_hashed(self, entry: Entry) -> bool:
        """Say whether an MD5 of *entry* is compared."""
        if not self._policy.etag_checksums:
            return False
        if self._policy.require in _CHECKED:
            return True
        # Without a way to ask what an ETag is, one that is none would stop the model.
        asks = self._opened is not None and self._opened.signs
        return asks and self._version is None and (entry.size or 0) <= _CHEAP

    @contextmanager
    def _told(self, entry: Entry | None = None) -> Iterator[None]:
        """Turn what obstore raises into typed errors, and its texts into none."""
        from obstore.exceptions import BaseError

        try:
            yield
        except StorageError:
            raise
        except (BaseError, OSError, ValueError) as error:
            asked = self._asked if entry is None else self._asked.about(entry.path)
            told = refusal(error, asked)
            if entry is not None and isinstance(told, NotFound):
                told = changed(asked)
            raise told from None


def _who(credentials: Credentials) -> str:
    step = f"step {credentials.rung!r}"
    return f"{step}, {credentials.detail}" if credentials.detail else step
