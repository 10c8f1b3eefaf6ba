"""Who fetches a model on a cluster: a container, a plugin, or our own initializer."""

from __future__ import annotations

import re
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from inferry._suggest import closest, suggestion
from inferry.errors import PlanningError
from inferry.planning._known import EXTRAS, SCHEMES, listed
from inferry.planning._sources import StorageChoice, choose_plugin
from inferry.plugins import backends_for
from inferry.status import Reason
from inferry.storage import STORAGE_CONFIG_SCHEME, shown_uri, uri_scheme

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.api import ClusterStorageContainer
    from inferry.planning._catalog import Catalog
    from inferry.storage import Source

#: What a cluster mounts by itself, so that nobody fetches it.
MOUNTED = frozenset({"oci", "oci+modelcar", "oci+native", "pvc"})
#: What our own initializer reads, by the name of the backend in it.
_OWN = MappingProxyType(
    {
        scheme: backend
        for scheme, backend in SCHEMES.items()
        if scheme != "file" and (backend in EXTRAS or backend == "local")
    }
)
_HERE = "put the model where the cluster can read it, such as s3://, https:// or pvc://"


def choose_storage(
    sources: Sequence[Source], catalog: Catalog, *, backend: str, container: str = ""
) -> tuple[StorageChoice, ...]:
    """Choose who fetches each source; *container* is ``storageContainerName``.

    On a laptop a plugin does. On a cluster a ClusterStorageContainer comes before
    plugins, and plugins before what our own initializer is known to read. One container
    fetches all sources of a component.

    Raises:
        PlanningError: Nobody, or more than one plugin, reads a URI; or the container
            that is named cannot.

    """
    if backend == "local":
        return tuple(choose_plugin(each.uri, catalog) for each in sources)
    fetched = [each for each in sources if uri_scheme(each.uri) not in MOUNTED]
    chosen = _able(fetched, catalog)
    if container:
        chosen = _named(fetched, catalog, container)
    return tuple(_choice(each.uri, catalog, chosen) for each in sources)


def _choice(
    uri: str, catalog: Catalog, container: ClusterStorageContainer | None
) -> StorageChoice:
    kind, shown = uri_scheme(uri), shown_uri(uri)
    if kind in MOUNTED:
        why = f"the cluster mounts {kind}:// by itself"
        return StorageChoice(uri=shown, backend=kind, why=why)
    if container is not None:
        name = container.metadata.name
        why = f"the ClusterStorageContainer {name} reads it"
        return StorageChoice(uri=shown, backend=name, why=why)
    if "://" not in uri or kind == "file":
        # A plugin of ours reads paths, and would look for one in the pod.
        raise _only_here(uri)
    if kind == STORAGE_CONFIG_SCHEME or backends_for(uri, catalog.storage):
        return choose_plugin(uri, catalog)
    if backend := _OWN.get(kind):
        why = f"the storage initializer reads {kind}://"
        return StorageChoice(uri=shown, backend=backend, why=why)
    raise _nobody(uri, catalog)


def _able(
    sources: Sequence[Source], catalog: Catalog
) -> ClusterStorageContainer | None:
    """Return the first container, by name, that reads all *sources*."""
    if not sources:
        return None
    return next(
        (each for each in catalog.containers if not _fault(each, sources)), None
    )


def _named(
    sources: Sequence[Source], catalog: Catalog, name: str
) -> ClusterStorageContainer:
    known = {each.metadata.name: each for each in catalog.containers}
    found = known.get(name)
    if found is None:
        near = closest(name, known)
        raise PlanningError(
            f"ClusterStorageContainer {name!r} not found",
            reason=Reason.StorageNotSupported,
            remedy=f"did you mean {near!r}?"
            if near
            else f"apply it, or remove storageContainerName; there are: "
            f"{listed(known)}",
        )
    if fault := _fault(found, sources):
        raise PlanningError(
            f"ClusterStorageContainer {name!r} {fault}",
            reason=Reason.StorageNotSupported,
            remedy="name another, or remove storageContainerName to have one chosen",
        )
    return found


def _fault(container: ClusterStorageContainer, sources: Sequence[Source]) -> str:
    """Return why *container* does not fetch *sources*, or an empty text."""
    spec = container.spec
    if container.disabled:
        return "is disabled"
    if spec.workload_type != "initContainer":
        return (
            f"has workloadType {spec.workload_type!r}; a service needs 'initContainer'"
        )
    for source in sources:
        if not _reads(container, source.uri):
            return f"does not support storageUri {shown_uri(source.uri)}"
    if len(sources) > 1 and not spec.supports_multi_model_download:
        return "does not support multi-model download (supportsMultiModelDownload)"
    return ""


def _reads(container: ClusterStorageContainer, uri: str) -> bool:
    return any(
        (each.prefix and uri.startswith(each.prefix))
        or (each.regex and _matches(each.regex, uri))
        for each in container.spec.supported_uri_formats
    )


def _matches(pattern: str, uri: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is not None and compiled.match(uri) is not None


@lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern)
    except re.error:  # of Go's syntax, perhaps; no reason to fetch nothing
        return None


def _only_here(uri: str) -> PlanningError:
    path = uri.removeprefix("file://")
    return PlanningError(
        f"the path {path} is on the machine of the file, no pod sees it",
        reason=Reason.StorageNotSupported,
        remedy=_HERE,
    )


def _nobody(uri: str, catalog: Catalog) -> PlanningError:
    kind = uri_scheme(uri)
    of_plugins = {s for each in catalog.storage for s in each.descriptor.schemes}
    known = sorted({*_OWN, *MOUNTED, *of_plugins} - {"file"})
    return PlanningError(
        f"nothing in this cluster reads {shown_uri(uri)}",
        reason=Reason.StorageNotSupported,
        remedy=suggestion(kind, known)
        or f"apply a ClusterStorageContainer for {kind}://, or use one of: "
        f"{listed(known)}",
    )
