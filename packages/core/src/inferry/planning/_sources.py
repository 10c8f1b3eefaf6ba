"""Where a model's bytes come from, and which storage backend reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import PlanningError
from inferry.planning._known import did_you_mean, listed, storage_package
from inferry.status import Reason
from inferry.storage import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inferry.api._types import (
        ModelSpec,
        ModelStorageSpec,
        StorageUriSpec,
    )
    from inferry.planning._catalog import Catalog
    from inferry.plugins import Provided, StorageBackend

MODEL_PATH = "/mnt/models"
#: What a cluster mounts by itself, so that no storage backend is asked.
MOUNTED = frozenset({"oci", "oci+modelcar", "oci+native", "pvc"})
# A URI may carry a password; it never reaches a message.
_SECRET = re.compile(r"//[^/@]*@")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


class StorageChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which backend reads a URI, where it comes from, and why it was chosen."""

    uri: str
    backend: str
    plugin: str = ""
    version: str = ""
    why: str = ""


def scheme(uri: str) -> str:
    """Return the scheme of *uri* in lower case; a plain path is ``file``."""
    found = _SCHEME.match(uri)
    return found[1].lower() if found else "file"


def model_sources(
    model: ModelSpec, storage_uris: Sequence[StorageUriSpec], where: str
) -> tuple[Source, ...]:
    """Return what has to be there before *model* can be loaded.

    Raises:
        PlanningError: ``storage`` does not say where the model is.

    """
    if storage_uris:
        return tuple(
            Source(uri=each.uri, mount_path=each.mount_path) for each in storage_uris
        )
    parameters = dict(model.storage.parameters) if model.storage else {}
    if model.storage_uri:
        return (Source(uri=model.storage_uri, parameters=parameters),)
    if model.storage is None:
        return ()
    uri = _spec_uri(model.storage, f"{where}.storage")
    return (Source(uri=uri, parameters=parameters),)


def choose_storage(
    sources: Iterable[Source], catalog: Catalog, *, backend: str
) -> tuple[StorageChoice, ...]:
    """Choose the storage backend of each source.

    Raises:
        PlanningError: No backend, or more than one, reads a URI.

    """
    return tuple(_choose(source.uri, catalog, backend) for source in sources)


def _spec_uri(storage: ModelStorageSpec, where: str) -> str:
    kind, bucket = storage.parameters.get("type"), storage.parameters.get("bucket")
    if kind and bucket:
        return f"{kind}://{bucket}/{(storage.path or '').lstrip('/')}"
    msg = f"{where} does not say where the model is"
    raise PlanningError(
        msg,
        reason=Reason.InvalidSpec,
        remedy=(
            "set storageUri, or both storage.parameters.type and "
            "storage.parameters.bucket"
        ),
    )


def _choose(uri: str, catalog: Catalog, backend: str) -> StorageChoice:
    kind = scheme(uri)
    if backend != "local" and kind in MOUNTED:
        return StorageChoice(
            uri=uri, backend=kind, why=f"the cluster mounts {kind}:// by itself"
        )
    matched = _by_pattern(uri, catalog.storage)
    why = "its pattern matches the URI"
    if not matched:
        matched = [each for each in catalog.storage if kind in each.descriptor.schemes]
        why = f"it reads {kind}://" if _SCHEME.match(uri) else "it reads plain paths"
    if len(matched) == 1:
        chosen = matched[0]
        return StorageChoice(
            uri=uri,
            backend=chosen.descriptor.name,
            plugin=chosen.distribution,
            version=chosen.version,
            why=why,
        )
    if matched:
        raise _several(kind, matched)
    raise _none(uri, catalog)


def _by_pattern(
    uri: str, backends: Sequence[Provided[StorageBackend]]
) -> list[Provided[StorageBackend]]:
    """Return the backends with the longest pattern that matches *uri*."""
    found = [
        (len(pattern), each)
        for each in backends
        for pattern in each.descriptor.uri_patterns
        if re.match(pattern, uri)
    ]
    longest = max((length for length, _ in found), default=0)
    names: dict[str, Provided[StorageBackend]] = {}
    for length, each in found:
        if length == longest:
            names[each.descriptor.name] = each
    return list(names.values())


def _several(kind: str, matched: Sequence[Provided[StorageBackend]]) -> PlanningError:
    who = ", ".join(f"{e.descriptor.name} ({e.distribution})" for e in matched)
    return PlanningError(
        f"several storage backends read {kind}://: {who}",
        reason=Reason.StorageNotSupported,
        remedy="uninstall one, or name its plugin in the setting plugins.deny",
    )


def _none(uri: str, catalog: Catalog) -> PlanningError:
    kind = scheme(uri)
    known = sorted({s for each in catalog.storage for s in each.descriptor.schemes})
    if kind == "pvc":
        remedy = "use a path or a URL here; volumes exist only on Kubernetes"
    else:
        remedy = (
            storage_package(kind)
            or did_you_mean(kind, known)
            or f"the schemes here are: {listed(known)}"
        )
    return PlanningError(
        f"no storage backend here reads {_SECRET.sub('//', uri)}",
        reason=Reason.StorageNotSupported,
        remedy=remedy,
    )
