"""Where a model's bytes come from, and which storage backend reads them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from inferry._suggest import suggestion
from inferry.api._names import STORAGE_SECRETS
from inferry.api._types import ModelStorageSpec
from inferry.errors import PlanningError
from inferry.planning._known import listed, storage_package
from inferry.plugins import backends_for
from inferry.status import Reason
from inferry.storage import STORAGE_CONFIG_SCHEME, Source, shown_uri, uri_scheme

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.api._types import ModelSpec, StorageUriSpec
    from inferry.planning._catalog import Catalog
    from inferry.plugins import Provided, StorageBackend


class StorageChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Which backend reads a URI, where it comes from, and why it was chosen.

    ``uri`` is without user name, password and query, and may be shown.
    """

    uri: str
    backend: str
    plugin: str = ""
    version: str = ""
    why: str = ""


class Readable(msgspec.Struct, frozen=True, kw_only=True):
    """The secrets that a component lets its fetches read, by name."""

    secrets: tuple[str, ...] = ()
    service_account: str = ""
    pull_secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, pod: Mapping[str, Any], annotations: Mapping[str, str]) -> Readable:
        """Read what a pod spec and the annotations name."""
        pulls = pod.get("imagePullSecrets") or ()
        named = (annotations.get(key, "") for key in STORAGE_SECRETS)
        return cls(
            secrets=tuple(name for name in named if name)[:1],
            service_account=str(pod.get("serviceAccountName") or ""),
            pull_secrets=tuple(str(each.get("name", "")) for each in pulls),
        )

    def source(self, uri: str, **more: Any) -> Source:  # noqa: ANN401 - its fields
        """Return a source that may be read with them."""
        return Source(uri=uri, **msgspec.structs.asdict(self), **more)


def model_sources(
    model: ModelSpec, storage_uris: Sequence[StorageUriSpec], readable: Readable
) -> tuple[Source, ...]:
    """Return what has to be there before *model* can be loaded."""
    if storage_uris:
        return uri_sources(storage_uris, readable)
    storage = model.storage or ModelStorageSpec()
    more = {"parameters": dict(storage.parameters), "storage_key": storage.key or ""}
    if model.storage_uri:
        return (readable.source(model.storage_uri, **more),)
    if model.storage is None:
        return ()
    return (readable.source(_spec_uri(storage), **more),)


def uri_sources(
    storage_uris: Sequence[StorageUriSpec], readable: Readable
) -> tuple[Source, ...]:
    """Return the sources of ``storageUris``."""
    return tuple(
        readable.source(each.uri, mount_path=each.mount_path) for each in storage_uris
    )


def _spec_uri(storage: ModelStorageSpec) -> str:
    """Return the URI of ``storage``: symbolic where its secret knows the store.

    The plan then holds nothing of the secret; the fetch makes the URI from it.
    """
    kind, bucket = storage.parameters.get("type"), storage.parameters.get("bucket")
    path = (storage.path or "").lstrip("/")
    if kind in {"hdfs", "webhdfs"}:
        return f"{kind}://{path}"
    if kind and bucket:
        return f"{kind}://{bucket}/{path}"
    key = quote(storage.key or "", safe="")
    return f"{STORAGE_CONFIG_SCHEME}://{key}/{quote(path)}"


def choose_plugin(uri: str, catalog: Catalog) -> StorageChoice:
    """Choose the plugin that reads *uri*.

    Raises:
        PlanningError: None does, or more than one.

    """
    kind, shown = uri_scheme(uri), shown_uri(uri)
    if kind == STORAGE_CONFIG_SCHEME:
        return StorageChoice(
            uri=shown,
            backend=STORAGE_CONFIG_SCHEME,
            why="the secret of the storage key names the store",
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
