"""`GitStorage`: the files of one commit, large ones from where git LFS keeps them.

Git has no ranges: the commit's pack, without history, comes whole into a temporary file
that has no name, within a limit. Large files come in ranges like those of any store.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
from typing import IO, TYPE_CHECKING

from inferry.storage import (
    Changed,
    Corrupt,
    DiskError,
    EmptyModel,
    Entry,
    InvalidUri,
    NotFound,
    Snapshot,
    TooLarge,
    UnsafePath,
    shown_uri,
)
from inferry_storage.backends.calls import Calls, Slice
from inferry_storage.backends.git.address import Address, parse
from inferry_storage.backends.git.lfs import POINTER_BYTES, LargeFiles, pointer
from inferry_storage.backends.git.pack import Pack
from inferry_storage.backends.git.protocol import Server, Session, too_large
from inferry_storage.backends.git.tree import File, listing
from inferry_storage.network.faults import refused
from inferry_storage.network.walk import basic

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from inferry.storage import Access, Source

_log = logging.getLogger(__name__)
#: What git itself may hold; models are larger, and belong into LFS.
MAX_PACK_BYTES = 256 * 2**20
_LARGE = "lfs:"
_STALE = {401, 403, 404, 410}


class GitStorage:
    """Reads one commit of a git repository over https."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._calls = Calls(access)
        self._limit = min(MAX_PACK_BYTES, self._calls.policy.max_bytes)
        self._file: IO[bytes] | None = None
        self._pack: Pack | None = None
        self._large: LargeFiles | None = None
        self._server: tuple[str, Server] | None = None

    async def identify(self, source: Source) -> str | None:
        """Return the id that `resolve` would give, without the pack.

        The server was then asked whether we may read the repository.

        Raises:
            StorageError: We may not, or it is not reachable.

        """
        address = parse(source.uri)
        if not address.commit:
            return None
        await self._begun(self._session(address, source.uri), address)
        return _id(address)

    async def resolve(self, source: Source) -> Snapshot:
        """Return the files of the commit, which the URI has to pin.

        Raises:
            StorageError: No commit is pinned, it is not found, or not reachable.

        """
        address, uri = parse(source.uri), source.uri
        session = self._session(address, uri)
        server = await self._begun(session, address)
        if not address.commit:
            raise await _unpinned(session, server, address, uri)
        self._large = LargeFiles(
            self._calls,
            uri=uri,
            url=server.url,
            private=session.private,
            rung=session.rung,
        )
        try:
            entries = await self._fetched(session, server, address, uri)
        except BaseException:
            self._drop()
            raise
        if not entries:
            raise EmptyModel(f"{shown_uri(uri)} holds no file")
        return Snapshot(uri=uri, id=_id(address), entries=entries)

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of *entry* from *start*.

        Raises:
            StorageError: A large file is not to be had.

        """
        if length == 0 or entry.size == 0:
            return
        wanted = Slice(entry.path, start, length)
        if entry.location.startswith(_LARGE):
            async for chunk in self._large_file(entry, wanted):
                yield chunk
        elif self._pack is not None:
            for chunk in wanted.of_chunks(
                self._pack.read(bytes.fromhex(entry.location))
            ):
                yield chunk
                await asyncio.sleep(0)
        else:
            raise Changed(f"{entry.path} was resolved by another client")

    async def close(self) -> None:
        """Close all connections, and drop the pack."""
        self._drop()
        await self._calls.close()

    def _session(self, address: Address, uri: str) -> Session:
        private = _login(address, self._access.credentials.values)
        return Session(
            self._calls, uri, private=private, rung=self._access.credentials.rung
        )

    async def _begun(self, session: Session, address: Address) -> Server:
        """Ask the server who it is, once for `identify` and `resolve`."""
        url, server = self._server or ("", None)
        if server is None or url != address.url:
            server = await session.begin(address.url)
            self._server = (address.url, server)
        return server

    async def _fetched(
        self, session: Session, server: Server, address: Address, uri: str
    ) -> tuple[Entry, ...]:
        self._drop()
        try:
            self._file = tempfile.TemporaryFile(prefix="inferry-git-")  # noqa: SIM115 - kept until close
            await session.pack(server, address.commit, self._file, self._limit)
            self._file.flush()
        except OSError as error:
            raise DiskError(
                f"{shown_uri(uri)}: {tempfile.gettempdir()} cannot take the commit: "
                f"{error.strerror}",
                remedy="make room there, or set TMPDIR",
            ) from None
        return await asyncio.to_thread(self._entries, self._file, address, uri)

    def _drop(self) -> None:
        if self._pack is not None:
            self._pack.close()
            self._pack = None
        if self._file is not None:
            self._file.close()
            self._file = None

    def _entries(
        self, file: IO[bytes], address: Address, uri: str
    ) -> tuple[Entry, ...]:
        """Return the files of the pack in *file*; errors name *uri*."""
        shown, most = shown_uri(uri), self._calls.policy.max_files
        try:
            # Beside files there are trees: seldom more, where folders are not empty.
            self._pack = Pack(file, limit=4 * self._limit, most=3 * most + 1000)
            found = listing(self._pack, address.commit, address.path, most)
            entries = tuple(self._entry(each) for each in found.files)
        except TooLarge as error:
            raise TooLarge(
                f"{shown}: {error.message}",
                remedy=error.remedy or too_large(uri, self._limit).remedy,
            ) from None
        except (Corrupt, InvalidUri, NotFound, UnsafePath) as error:
            raise type(error)(
                f"{shown}: {error.message}", remedy=error.remedy
            ) from None
        if found.modules:
            _log.info(
                "%s: submodules are left out: %s", shown, ", ".join(found.modules)
            )
        return entries

    def _entry(self, file: File) -> Entry:
        pack, name = self._pack, file.blob
        if pack is None or pack.kind(name) != "blob":
            raise Corrupt(f"the pack lacks {file.path!r}")
        size, oid = pack.size(name), name.hex()
        large = pointer(pack.load(name)) if size < POINTER_BYTES else None
        if large is not None and self._large is not None:
            self._large.add(large)
            return Entry(
                path=file.path,
                size=large.size,
                digest=f"sha256:{large.oid}",
                etag=f'"{large.oid}"',
                location=f"{_LARGE}{large.oid}",
            )
        return Entry(
            path=file.path,
            size=size,
            digest=f"git-sha1:{oid}",
            etag=f'"{oid}"',
            location=oid,
        )

    async def _large_file(self, entry: Entry, wanted: Slice) -> AsyncIterator[bytes]:
        oid, large = entry.location.removeprefix(_LARGE), self._large
        if large is None:
            raise Changed(f"{entry.path} was resolved by another client")
        for last in (False, True):
            place = await large.place(oid)
            async with self._calls.ask(
                "GET",
                place.href,
                shown=place.href,
                headers=wanted.headers,
                private=place.header,
            ) as response:
                if response.is_success:
                    async for chunk in wanted.of(response):
                        yield chunk
                    return
                if last or response.status_code not in _STALE:
                    raise refused(place.href, response.status_code, response.headers)
            large.forget(oid)


def _id(address: Address) -> str:
    text = f"{address.url}\n{address.commit}\n{address.path}"
    return f"{address.commit[:12]}-{hashlib.sha256(text.encode()).hexdigest()[:27]}"


def _login(address: Address, values: Mapping[str, str]) -> dict[str, str]:
    """Return the header that says who asks; the name in the URI goes before another."""
    user, password = values.get("GIT_USERNAME", ""), values.get("GIT_PASSWORD", "")
    user = address.user or user
    if not user and not password:
        return {}
    # With a token for password, servers take any name.
    return {"Authorization": basic(user or "git", password)}


async def _unpinned(
    session: Session, server: Server, address: Address, uri: str
) -> InvalidUri | NotFound:
    """Return the error that says which commit to pin."""
    name = address.revision or "HEAD"
    commits = await session.commits(server, name)
    commits.pop("HEAD", None) if address.revision else None
    if not commits:
        return NotFound(
            f"{shown_uri(uri)}: the repository has no {name}",
            remedy="pin a commit: the 40 characters that git rev-parse prints",
        )
    commit = next(iter(commits.values()))
    plain = shown_uri(uri).removesuffix(f"@{address.revision}").rstrip("/")
    folder = f"#{address.path}" if address.path else ""
    return InvalidUri(
        f"{shown_uri(uri)} names no commit, so the model may change at any time",
        remedy=f"pin what {name} is now: {plain}@{commit}{folder}",
    )
