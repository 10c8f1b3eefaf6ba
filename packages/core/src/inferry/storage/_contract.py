"""The objects that pass between a storage backend and the engine."""

from __future__ import annotations

import re
from collections.abc import Mapping  # noqa: TC003 - msgspec reads it at run time
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

import msgspec

from inferry.errors import printable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

#: The scheme of a URI whose store only ``storage.key`` names:
#: ``storage-config:///path`` of `Source.storage_key`, or ``storage-config://key/path``.
STORAGE_CONFIG_SCHEME = "storage-config"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HOST_AND_PORT = re.compile(r"(\[[^]]*\]|[^:]*)(:[0-9]+)?")
#: ``user:password@`` at the beginning, or after half a scheme.
_CONTAINER_FIRST = frozenset({"abfs", "abfss", "wasb", "wasbs"})
_CONTAINER = re.compile(r"[a-z0-9$][a-z0-9-]{2,62}")
_LOGIN = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*:/?)?[^/@]*:[^@]*@")


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to fetch: *uri* goes below *mount_path* of the model's tree.

    ``parameters`` are KServe's ``storage.parameters`` and ``storage_key`` its
    ``storage.key``: an entry of the secret ``storage-config``. Parameters and URI may
    hold secrets, so the repr shows neither the parameters nor the whole URI.
    ``secrets`` are named by the service's annotations, ``pull_secrets`` by its pods for
    images; ``service_account`` lists the rest that the fetch may read. ``trusted`` says
    that the service allows code in its model, such as a pickle, by name.
    """

    uri: str
    mount_path: str = "/mnt/models"
    parameters: Mapping[str, Any] = {}
    storage_key: str = ""
    secrets: tuple[str, ...] = ()
    service_account: str = ""
    pull_secrets: tuple[str, ...] = ()
    trusted: bool = False

    def __repr__(self) -> str:
        shown = shown_uri(self.uri)
        return f"{type(self).__name__}(uri={shown!r}, mount_path={self.mount_path!r})"


class Secret(msgspec.Struct, frozen=True, kw_only=True):
    """A Kubernetes Secret or ServiceAccount as far as a fetch reads it, decoded.

    Bytes of ``data`` that are no UTF-8, as of a keytab, stand as the surrogates of
    Python's ``surrogateescape``. ``lists`` are the secrets that a service account
    names, ``pulls`` its image pull secrets. The repr shows no value.
    """

    name: str
    data: Mapping[str, str] = {}
    annotations: Mapping[str, str] = {}
    kind: Literal["Secret", "ServiceAccount"] = "Secret"
    namespace: str = ""
    lists: tuple[str, ...] = ()
    pulls: tuple[str, ...] = ()

    def __repr__(self) -> str:
        keys = sorted(self.data)
        return f"{type(self).__name__}({self.kind} {self.name!r}, keys={keys})"


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What opens a store, and where it was found.

    ``values`` are by the names of KServe's secret keys, with endpoint, region and the
    like among them. ``rung`` is the step of the ladder that answered and ``detail``
    what it read, such as the name of a variable or of a file, never a value. The repr
    shows no value.
    """

    rung: str = "anonymous"
    detail: str = ""
    values: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rung={self.rung!r}, detail={self.detail!r})"


class Lookup(msgspec.Struct, frozen=True, kw_only=True):
    """Where credentials are looked for; nothing else is read, so it is easy to test.

    ``secrets`` are those that the source may use, in the order of the ladder.
    ``secret_folder`` has a folder for each mounted secret, and ``pod_folder`` is where
    KServe mounts those that are files. ``anonymous`` says that the store is to be asked
    without credentials.
    """

    environ: Mapping[str, str] = {}
    home: Path | None = None
    secrets: Sequence[Secret] = ()
    secret_folder: Path | None = None
    pod_folder: Path | None = None
    anonymous: bool = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}(secrets={list(self.secrets)!r})"


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What the client of a backend is made from; it grows by attributes.

    ``settings`` are the section ``[storage]`` and over it the plugin's own.
    """

    settings: Mapping[str, Any] = {}
    credentials: Credentials = Credentials()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(credentials={self.credentials!r})"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a snapshot.

    ``path`` is relative, with ``/`` between its parts. ``size`` is in bytes, None when
    the server does not say. ``digest`` is ``algorithm:hex`` where the store promises
    one: a cryptographic digest, ``git-sha1``, or a checksum (md5, crc32c, crc64nvme,
    crc32). ``etag`` is the validator that ranged reads must match. ``location`` is the
    backend's own. ``ranges`` is False where the store can only be read from the start
    to the end: such a file comes in one stream.
    """

    path: str
    size: int | None = None
    digest: str | None = None
    etag: str | None = None
    location: str = ""
    ranges: bool = True


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """An immutable state of a source; ``id`` changes whenever any byte may have.

    ``layers`` says that the entries are archives by the nature of their store, as those
    of an image are: the engine lays them over each other in their order. ``origin`` is
    the address that was asked, where the URI does not say it: what an ETag is of.
    """

    uri: str
    id: str
    entries: tuple[Entry, ...]
    layers: bool = False
    origin: str = ""


class LocalPath(msgspec.Struct, frozen=True, kw_only=True):
    """A source that is already on this machine; it is bound, never copied."""

    uri: str
    path: Path


@runtime_checkable
class Storage(Protocol):
    """One client of a storage backend, made per source from an `Access`.

    A client may also have ``read_blocking(entry, start, length) -> Iterator[bytes]``:
    the same bytes for a thread of the engine to read, where that is faster.

    One whose checksums may turn out to be none (an S3 ETag looks like an MD5, and is
    not where the object is encrypted with a key) has ``async confirms(entry) -> bool``.
    It is asked when what arrived has another checksum than ``entry.digest``. False
    takes back the checksums of the whole snapshot: its files are then checked by ETag
    and length, if the settings allow that. A cryptographic digest always holds.
    """

    async def resolve(self, source: Source) -> Snapshot | LocalPath:
        """Say what *source* holds now, without reading its bytes.

        Raises:
            StorageError: Not found, not allowed, not reachable; each with a remedy.

        """

    def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of *entry* from *start*, *length* of them or to the end.

        In pieces of up to about 1 MiB: they are what the memory of a download is for.

        Raises:
            StorageError: Also when the object is no longer the one that was resolved.

        """

    async def close(self) -> None:
        """Give back connections."""


def uri_scheme(uri: str) -> str:
    """Return the scheme of *uri* in lower case; a plain path is ``file``."""
    found = _SCHEME.match(uri)
    return found[1].lower() if found else "file"


def shown_uri(uri: str) -> str:
    """Return *uri* without what may be secret: user, password, query, fragment.

    Of one so malformed that a password may stand anywhere the scheme alone is shown.
    Control characters are escaped: the result is one line that no terminal obeys.
    """
    if not _SCHEME.match(uri):
        _, found, rest = uri.partition("://")
        if not found:
            return printable(_LOGIN.sub(r"\1…@", uri, count=1))
        uri = f"…://{rest}"
    return printable(_without_secrets(uri))


def _without_secrets(uri: str) -> str:
    from urllib.parse import urlsplit

    scheme, _, rest = uri.partition("://")
    try:
        urlsplit(uri)
    except ValueError:
        return f"{scheme.lower()}://…"
    # A URI that names no host is looked at as if its path began with one.
    authority, path, tail = _parts(rest.lstrip("/"))
    host = authority.rpartition("@")[2]
    # A password with a bare `/`, `?` or `#` ends what a parser takes for the host.
    is_cut = bool(tail) if not path else not _HOST_AND_PORT.fullmatch(host)
    if "@" in path + tail and is_cut:
        return f"{scheme.lower()}://…"
    slashes = rest[: len(rest) - len(rest.lstrip("/"))]
    login = authority.rpartition("@")[0]
    # Azure writes the container where others write who asks.
    if scheme.lower() in _CONTAINER_FIRST and _CONTAINER.fullmatch(login):
        host = f"{login}@{host}"
    return f"{scheme.lower()}://{slashes}{host}{path}"


def _parts(rest: str) -> tuple[str, str, str]:
    """Return host, path and what follows ``?`` or ``#``, in this order in *rest*."""
    before = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = before.partition("/")
    return authority, slash + path, rest[len(before) :]
