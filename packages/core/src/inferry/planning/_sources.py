"""Where a model's bytes come from, and which storage backend reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from inferry._suggest import suggestion
from inferry.errors import PlanningError
from inferry.planning._known import listed, storage_package
from inferry.plugins import backends_for
from inferry.status import Reason
from inferry.storage import Source, shown_uri, uri_scheme

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inferry.api._types import (
        ModelSpec,
        ModelStorageSpec,
        StorageUriSpec,
    )
    from inferry.planning._catalog import Catalog
    from inferry.plugins import Provided, StorageBackend

#: What a cluster mounts by itself, so that no storage backend is asked.
MOUNTED = frozenset({"oci", "oci+modelcar", "oci+native", "pvc"})


class StorageChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which backend reads a URI, where it comes from, and why it was chosen.

    ``uri`` is without user name, password and query, and may be shown.
    """

    uri: str
    backend: str
    plugin: str = ""
    version: str = ""
    why: str = ""


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
    kind, shown = uri_scheme(uri), shown_uri(uri)
    if backend != "local" and kind in MOUNTED:
        return StorageChoice(
            uri=shown, backend=kind, why=f"the cluster mounts {kind}:// by itself"
        )
    matched = backends_for(uri, catalog.storage)
    if len(matched) == 1:
        chosen = matched[0]
        return StorageChoice(
            uri=shown,
            backend=chosen.descriptor.name,
            plugin=chosen.distribution,
            version=chosen.version,
            why=_why(uri, kind, chosen.descriptor),
        )
    if matched:
        raise _several(kind, matched)
    raise _none(uri, catalog)


def _why(uri: str, kind: str, chosen: StorageBackend) -> str:
    if any(re.match(each, uri) for each in chosen.uri_patterns):
        return "its pattern matches the URI"
    return f"it reads {kind}://" if "://" in uri else "it reads plain paths"


def _several(kind: str, matched: Sequence[Provided[StorageBackend]]) -> PlanningError:
    who = ", ".join(f"{e.descriptor.name} ({e.distribution})" for e in matched)
    return PlanningError(
        f"several storage backends read {kind}://: {who}",
        reason=Reason.StorageNotSupported,
        remedy="uninstall one, or name its plugin in the setting plugins.deny",
    )


def _none(uri: str, catalog: Catalog) -> PlanningError:
    kind = uri_scheme(uri)
    known = sorted({s for each in catalog.storage for s in each.descriptor.schemes})
    if kind == "pvc":
        remedy = "use a path or a URL here; volumes exist only on Kubernetes"
    else:
        remedy = (
            storage_package(kind)
            or suggestion(kind, known)
            or f"the schemes here are: {listed(known)}"
        )
    return PlanningError(
        f"no storage backend here reads {shown_uri(uri)}",
        reason=Reason.StorageNotSupported,
        remedy=remedy,
    )
