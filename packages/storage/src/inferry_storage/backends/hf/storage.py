"""`HubStorage`: a repository of the Hugging Face Hub, at one commit.

Two small calls say which commit a revision is and which files it has; their bytes come
through the hub's ``/resolve/`` in ranges. The hub's own client is not used: it imports
for 0.6 s, takes 33 MB, and would download by rules of its own.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec

from inferry.storage import (
    Corrupt,
    EmptyModel,
    Entry,
    NotAllowed,
    NotFound,
    Snapshot,
    TooLarge,
    shown_uri,
)
from inferry_storage.backends.calls import Calls, Slice
from inferry_storage.backends.hf.address import Repo, parse
from inferry_storage.backends.hf.refusals import Asker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from inferry.storage import Access, Source

T = TypeVar("T")
_HUB = "https://huggingface.co"
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ON = {"1", "ON", "YES", "TRUE"}
_FORM = "application/x-www-form-urlencoded"
_STALE = {401, 403, 404, 410}


class _Revision(msgspec.Struct, frozen=True):
    sha: str = ""


class _Large(msgspec.Struct, frozen=True):
    oid: str
    size: Annotated[int, msgspec.Meta(ge=0)]


class _Item(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    path: str
    oid: str = ""
    size: Annotated[int, msgspec.Meta(ge=0)] = 0
    lfs: _Large | None = None


class HubStorage:
    """Reads models of the Hugging Face Hub, or of ``HF_ENDPOINT``."""

    def __init__(self, access: Access) -> None:
        values = access.credentials.values
        self._offline = values.get("HF_HUB_OFFLINE", "").upper() in _ON
        self._hub = (values.get("HF_ENDPOINT") or _HUB).rstrip("/")
        token = values.get("HF_TOKEN", "").strip()
        self._asker = Asker(self._hub, access.credentials.rung, bool(token))
        self._private = {"Authorization": f"Bearer {token}"} if token else {}
        self._calls = Calls(access)
        # Where the hub sent us for a file: signed, and good for an hour or so.
        self._places: dict[str, str] = {}

    async def identify(self, source: Source) -> str | None:
        """Return the id of a commit that the URI pins, where the hub is not asked.

        With ``HF_HUB_OFFLINE`` such a model is served from the cache.
        """
        repo = parse(source.uri)
        if not self._offline or not _COMMIT.fullmatch(repo.revision):
            return None
        return self._id(repo, repo.revision)

    async def resolve(self, source: Source) -> Snapshot:
        """Return the files of the commit that the revision is now.

        Raises:
            StorageError: Not found, not granted, or not reachable.

        """
        repo = parse(source.uri)
        if self._offline:
            raise NotAllowed(
                f"{shown_uri(source.uri)}: HF_HUB_OFFLINE is set, "
                "so the hub is not asked",
                remedy="unset it, or pin a commit (@COMMIT) that was fetched before",
            )
        commit = await self._commit(source.uri, repo)
        entries = await self._entries(source.uri, repo, commit)
        if not entries:
            raise EmptyModel(
                f"{shown_uri(source.uri)} holds no file", remedy="name another revision"
            )
        return Snapshot(
            uri=source.uri,
            id=self._id(repo, commit),
            entries=tuple(entries),
            origin=self._hub,
        )

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of *entry* from *start*, from where the hub keeps them.

        Raises:
            StorageError: Not granted, or not reachable in full.

        """
        if length == 0 or entry.size == 0:
            return
        wanted = Slice(entry.location, start, length)
        for url in self._ways(entry):
            async with self._calls.ask(
                "GET",
                url,
                shown=entry.location,
                headers=wanted.headers,
                private=self._private if url == entry.location else {},
            ) as response:
                if self._serves(entry, url, response.status_code, response.headers):
                    self._keep(entry, response.url)
                    async for chunk in wanted.of(response):
                        yield chunk
                    return

    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Iterator[bytes]:
        """Yield the same to a thread, several times as fast."""
        if length == 0 or entry.size == 0:
            return
        wanted = Slice(entry.location, start, length)
        for url in self._ways(entry):
            with self._calls.stream(
                url,
                shown=entry.location,
                headers=wanted.headers,
                private=self._private if url == entry.location else {},
            ) as stream:
                if self._serves(entry, url, stream.status_code, stream.headers):
                    self._keep(entry, stream.url)
                    yield from wanted.of_stream(stream)
                    return

    async def close(self) -> None:
        """Close all connections."""
        await self._calls.close()

    def _ways(self, entry: Entry) -> Iterator[str]:
        """Yield where the hub sent us for *entry* before, then the hub itself."""
        if known := self._places.get(entry.location):
            yield known
            self._places.pop(entry.location, None)
        yield entry.location

    def _serves(
        self, entry: Entry, url: str, status: int, headers: httpx.Headers
    ) -> bool:
        """Say whether an answer has the bytes, or an address that we kept is stale."""
        if httpx.codes.is_success(status):
            return True
        if url != entry.location and status in _STALE:
            return False
        raise self._asker.refusal(entry.location, status, headers, self._hub)

    def _keep(self, entry: Entry, url: httpx.URL) -> None:
        if not str(url).startswith(f"{self._hub}/"):
            self._places[entry.location] = str(url)

    def _id(self, repo: Repo, commit: str) -> str:
        text = f"{self._hub}\n{repo.kind}\n{repo.name}\n{commit}\n{repo.path}"
        return f"{commit[:12]}-{hashlib.sha256(text.encode()).hexdigest()[:27]}"

    async def _commit(self, uri: str, repo: Repo) -> str:
        revision = quote(repo.revision, safe="")
        url = f"{repo.api(self._hub)}/revision/{revision}?expand=sha"
        found, _ = await self._ask(_Revision, url, uri=uri, repo=repo)
        if not _COMMIT.fullmatch(found.sha):
            raise Corrupt(f"{shown_uri(uri)}: the hub names no commit")
        return found.sha

    async def _entries(self, uri: str, repo: Repo, commit: str) -> list[Entry]:
        if repo.path:
            one = await self._one_file(uri, repo, commit)
            if one is not None:
                return [one]
        entries: list[Entry] = []
        inside = f"/{quote(repo.path)}" if repo.path else ""
        url = f"{repo.api(self._hub)}/tree/{commit}{inside}?recursive=true&expand=false"
        while url:
            page, url = await self._ask(list[_Item], url, uri=uri, repo=repo)
            entries += [
                self._entry(repo, commit, item) for item in page if item.type == "file"
            ]
            if len(entries) > self._calls.policy.max_files:
                raise TooLarge(
                    f"{shown_uri(uri)} has more than "
                    f"{self._calls.policy.max_files} files",
                    remedy="name a folder of it, or set [storage] max_files",
                )
        return entries

    async def _one_file(self, uri: str, repo: Repo, commit: str) -> Entry | None:
        """Return the file that the path is, None if it is a folder."""
        url = f"{repo.api(self._hub)}/paths-info/{commit}"
        body = urlencode({"paths": repo.path, "expand": "false"}).encode()
        items, _ = await self._ask(list[_Item], url, uri=uri, repo=repo, body=body)
        if not items:
            raise NotFound(
                f"{shown_uri(uri)}: {repo.name} has no {repo.path!r} "
                f"at revision {repo.revision!r}",
                remedy=f"see {repo.page(self._hub)}/tree/{repo.revision}",
            )
        if items[0].type != "file":
            return None
        parent = repo.path.rpartition("/")[0]
        return self._entry(msgspec.structs.replace(repo, path=parent), commit, items[0])

    def _entry(self, repo: Repo, commit: str, item: _Item) -> Entry:
        large = item.lfs
        oid, size = (large.oid, large.size) if large else (item.oid, item.size)
        pattern, kind = (_SHA256, "sha256") if large else (_COMMIT, "git-sha1")
        known = pattern.fullmatch(oid) is not None
        prefix = f"{repo.path}/" if repo.path else ""
        return Entry(
            path=item.path.removeprefix(prefix),
            size=size,
            digest=f"{kind}:{oid}" if known else None,
            etag=f'"{oid}"' if known else None,
            location=f"{repo.page(self._hub)}/resolve/{commit}/{quote(item.path)}",
        )

    async def _ask(
        self,
        kind: type[T],
        url: str,
        *,
        uri: str,
        repo: Repo,
        body: bytes | None = None,
    ) -> tuple[T, str]:
        """Return what the hub answers, and where the next page of it is."""
        async with self._calls.ask(
            "POST" if body else "GET",
            url,
            shown=uri,
            headers={"Content-Type": _FORM} if body else {},
            private=self._private,
            content=body,
        ) as response:
            if not response.is_success:
                raise self._asker.refusal(
                    uri,
                    response.status_code,
                    response.headers,
                    repo.page(self._hub),
                )
            following = response.links.get("next", {}).get("url", "")
            following = str(response.url.join(following)) if following else ""
            if following and not following.startswith(f"{self._hub}/"):
                raise Corrupt(f"{shown_uri(uri)}: the hub's next page is elsewhere")
            return await self._calls.decoded(response, kind, shown=uri), following
