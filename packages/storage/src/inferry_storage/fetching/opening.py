"""From a source to the client that reads it: backend, credentials, policy."""

from __future__ import annotations

import asyncio
import errno
import os
import re
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from inferry.errors import PluginError, StorageError
from inferry.plugins import backends_for, lacks_extra, resolve
from inferry.storage import (
    Access,
    Credentials,
    InvalidUri,
    NoBackend,
    Source,
    shown_uri,
    uri_scheme,
)
from inferry_storage.credentials import located
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from inferry.config import Settings
    from inferry.plugins import Plugins, Provided, StorageBackend
    from inferry.storage import LocalPath, Secret, Snapshot, Storage

_HALF_A_URI = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)(?::/?|//)(?!/)(.+)")
_FILE = re.compile("file:", re.IGNORECASE)
_NEAR = 0.5
# No connection fails with these.
_OF_DISKS = frozenset({errno.EDQUOT, errno.EFBIG, errno.ENOSPC, errno.EROFS})


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """An open client, and what holds for everything that is read with it."""

    source: Source
    client: Storage
    policy: Policy
    backend: str
    credentials: Credentials

    async def resolve(self) -> Snapshot | LocalPath:
        """Say what the source holds now."""
        return await self.client.resolve(self.source)


@asynccontextmanager
async def opened(
    source: Source,
    *,
    plugins: Plugins,
    settings: Settings,
    secrets: Sequence[Secret] = (),
) -> AsyncIterator[Store]:
    """Open the store of *source*, and close it at the end.

    Raises:
        StorageError: Also for whatever a third party's client raises meanwhile, as one
            line that names its distribution.

    """
    source = located(source, settings=settings, secrets=secrets)
    provided = choose(source.uri, plugins)
    policy = Policy.of(settings.section("storage"))
    credentials = credentials_of(source, provided, settings, secrets)
    try:
        client = _client(provided, settings, credentials)
        try:
            yield Store(
                source=source,
                client=client,
                policy=policy,
                backend=provided.descriptor.name,
                credentials=credentials,
            )
        finally:
            await client.close()
    except (StorageError, asyncio.CancelledError, GeneratorExit):
        raise
    except OSError as error:
        if error.errno not in _OF_DISKS:
            raise _crashed(source.uri, provided, error) from error
        from inferry_storage.transfer.target import disk_errors

        with disk_errors(Path(error.filename or policy.cache_dir)):
            raise
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything
        raise _crashed(source.uri, provided, error) from _unsaid(error)


def choose(uri: str, plugins: Plugins) -> Provided[StorageBackend]:
    """Return the storage backend that reads *uri*.

    Raises:
        NoBackend: None does.

    """
    backends = plugins.storage_backends()
    known = sorted({s for each in backends for s in each.descriptor.schemes})
    _refuse_misspelt(uri, known)
    _refuse_broken(uri)
    if matched := backends_for(uri, backends):
        # Planning refuses a tie; without a plan any of them does.
        return matched[0]
    raise _unknown(uri, known)


def credentials_of(
    source: Source,
    provided: Provided[StorageBackend],
    settings: Settings,
    secrets: Sequence[Secret] = (),
) -> Credentials:
    """Return what opens the store of *source*, and which step of the ladder had it.

    Raises:
        StorageError: What was found is broken.

    """
    from inferry_storage.credentials import resolve as credentials

    return credentials(source, provided, settings=settings, secrets=secrets)


def _client(
    provided: Provided[StorageBackend], settings: Settings, credentials: Credentials
) -> Storage:
    try:
        factory = resolve(
            provided.descriptor.client,
            plugin=provided.plugin,
            distribution=provided.distribution,
        )
    except PluginError as error:
        raise NoBackend(error.message, remedy=error.remedy) from error
    given: dict[str, Any] = settings.section("storage")
    client: Storage = factory(
        Access(
            settings={**given, **settings.plugin(provided.plugin)},
            credentials=credentials,
        )
    )
    return client


def _crashed(
    uri: str, provided: Provided[StorageBackend], error: Exception
) -> StorageError:
    """Word what a client should not have raised; its text may hold a secret."""
    extra = provided.descriptor.client.extra or ""
    absent = isinstance(error, ModuleNotFoundError) and error.name
    # A client may import its library as late as it asks, to begin the faster.
    if absent and extra and lacks_extra(provided.distribution, extra):
        return NoBackend(
            f"{shown_uri(uri)} needs {absent!r}, which is not installed",
            remedy=f"pip install '{provided.distribution}[{extra}]'",
        )
    return StorageError(
        f"{shown_uri(uri)}: storage backend {provided.descriptor.name!r} "
        f"({provided.distribution}) failed with {type(error).__name__}",
        remedy=f"upgrade {provided.distribution}",
    )


def _unsaid(error: Exception) -> Exception:
    """Return where *error* came from without what it says, for tracebacks."""
    silent = Exception(f"{type(error).__name__}, whose text may hold a secret")
    return silent.with_traceback(error.__traceback__)


def _unknown(uri: str, known: list[str]) -> StorageError:
    from inferry.planning._known import storage_package

    kind = uri_scheme(uri)
    remedy = storage_package(kind) or _meant(uri, kind, known)
    return NoBackend(f"no storage backend here reads {shown_uri(uri)}", remedy=remedy)


def _refuse_misspelt(uri: str, known: list[str]) -> None:
    """Refuse ``s3:/bucket`` and the like, which would be taken for a local path."""
    found = _HALF_A_URI.match(uri)
    is_half = found is not None and found[1].lower() in known
    is_none = "://" in uri and uri_scheme(uri) == "file"
    # RFC 8089 lets a file's URI have one slash.
    if not (is_half or is_none) or _FILE.match(uri) or os.path.lexists(uri):
        return
    if found is None or is_none:
        raise InvalidUri(
            f"{shown_uri(uri)} does not begin with a scheme",
            remedy=f"the schemes here are {', '.join(known)}",
        )
    raise InvalidUri(
        f"the URI begins with {uri[: found.start(2)]!r}, which makes it a path",
        remedy=f"did you mean {shown_uri(f'{found[1].lower()}://{found[2]}')}?",
    )


def _refuse_broken(uri: str) -> None:
    """Refuse what cannot be taken apart, such as an address with one bracket."""
    if uri_scheme(uri) == "file":
        return
    try:
        urlsplit(uri)
    except ValueError:
        raise InvalidUri(
            f"{shown_uri(uri)} is not a URI: its host is none",
            remedy="write it as SCHEME://HOST/PATH",
        ) from None


def _meant(uri: str, kind: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(kind, known, n=1, cutoff=_NEAR)
    if close:
        return f"did you mean {close[0]}{shown_uri(uri)[len(kind) :]}?"
    return f"install one for {kind}://; the schemes here are {', '.join(known)}"
