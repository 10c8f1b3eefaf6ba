"""`OciStorage`: an image or artifact as the files, or layers, that it is made of."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from inferry.storage import (
    Access,
    Corrupt,
    Entry,
    NotFound,
    Snapshot,
    Source,
    shown_uri,
)
from inferry_storage.backends.oci.contents import contents
from inferry_storage.backends.oci.manifests import chosen
from inferry_storage.backends.oci.reference import Reference
from inferry_storage.backends.oci.registry import Registry
from inferry_storage.network.parts import Part

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from inferry_storage.backends.oci.manifests import Manifest
    from inferry_storage.network.parts import Window

_NOT_FOUND = 404
# An index of indexes is odd; an endless one is an attack.
_DEPTH = 3


class _Blob(msgspec.Struct, frozen=True):
    """What an entry keeps to be read again."""

    uri: str
    url: str


class OciStorage:
    """Reads one image or artifact from its registry, each blob by its digest."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._registries: dict[str, Registry] = {}

    async def resolve(self, source: Source) -> Snapshot:
        """Return the blobs of the image, known by their digests.

        Raises:
            StorageError: Not found, not allowed, or not what its digest says.

        """
        registry = self._of(source.uri)
        digest, manifest = await _image(registry)
        layers, blobs = contents(source.uri, manifest)
        base = await registry.base()
        entries = tuple(
            Entry(
                path=path,
                size=each.size,
                digest=each.digest,
                # The digest tells what a part is of: parts may be read side by side.
                etag=each.digest,
                location=_packed(source.uri, f"{base}/blobs/{each.digest}"),
            )
            for path, each in blobs
        )
        identity = hashlib.sha256(digest.encode()).hexdigest()[:40]
        return Snapshot(uri=source.uri, id=identity, entries=entries, layers=layers)

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of a blob from *start*.

        Raises:
            StorageError: Also when the registry has lost it.

        """
        if length == 0:
            return
        blob, part = _part(entry, start, length)
        registry = self._of(blob.uri)
        async with registry.asked(blob.url, part.headers()) as answer:
            window = _window(registry, part, answer.status_code, answer.headers)
            async for chunk in answer.aiter_raw():
                if given := window.take(chunk):
                    yield given
                if window.complete:
                    return
            window.finish()

    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Iterator[bytes]:
        """Yield what `read` yields, for a thread beside the event loop.

        Raises:
            StorageError: Also when the registry has lost it.

        """
        if length == 0:
            return
        blob, part = _part(entry, start, length)
        registry = self._of(blob.uri)
        with registry.streamed(blob.url, part.headers()) as answer:
            window = _window(registry, part, answer.status_code, answer.headers)
            for chunk in answer.chunks():
                if given := window.take(chunk):
                    yield given
                if window.complete:
                    return
            window.finish()

    async def close(self) -> None:
        """Close all connections."""
        for registry in self._registries.values():
            await registry.close()

    def _of(self, uri: str) -> Registry:
        if uri not in self._registries:
            self._registries[uri] = Registry(self._access, Reference.of(uri))
        return self._registries[uri]


async def _image(registry: Registry) -> tuple[str, Manifest]:
    """Return the manifest of the image, chosen where there are several."""
    uri, version = registry.reference.uri, registry.reference.version
    for _ in range(_DEPTH):
        digest, manifest = await registry.manifest(version)
        if manifest.manifests is None:
            return digest, manifest
        version = chosen(uri, manifest).digest
    raise Corrupt(
        f"{shown_uri(uri)} is an index of indexes of indexes",
        remedy="push the image itself",
    )


def _part(entry: Entry, start: int, length: int | None) -> tuple[_Blob, Part]:
    blob = msgspec.json.decode(entry.location, type=_Blob)
    return blob, Part(uri=blob.uri, start=start, length=length, size=entry.size)


def _packed(uri: str, url: str) -> str:
    return msgspec.json.encode(_Blob(uri, url)).decode()


def _window(
    registry: Registry, part: Part, status: int, headers: Mapping[str, str]
) -> Window:
    if status == _NOT_FOUND:
        raise NotFound(
            f"{shown_uri(part.uri)}: the registry has lost a part of it",
            remedy="push the image again",
        )
    if not 200 <= status < 300:  # noqa: PLR2004 - what HTTP calls success
        raise registry.refused(status, headers)
    return part.window(status, headers, "")
