"""The init container that fetches a model: ours, or one of the cluster's."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.planning import merge
from inferry.status import Reason
from inferry.storage import shown_uri, uri_scheme
from inferry_controller.rendering.containers import variable, with_variables
from inferry_controller.rendering.credentials import access
from inferry_controller.rendering.rendered import Problem
from inferry_controller.rendering.security import read_only_root

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.planning import ComponentPlan
    from inferry.storage import Source
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.surroundings import (
        StorageContainer,
        Surroundings,
    )

INITIALIZER = "storage-initializer"
#: Room for what a read-only root file system does not take.
SCRATCH = "inferry-tmp"
_TRUST = "INFERRY_STORAGE__TRUST"
_BUNDLE = "cabundle-cert"
#: What KServe tells the Hugging Face client of its own initializer.
_HUGGING_FACE = {
    "HF_HUB_ENABLE_HF_TRANSFER": "1",
    "HF_XET_HIGH_PERFORMANCE": "1",
    "HF_XET_NUM_CONCURRENT_RANGE_GETS": "8",
}


class Initializer(msgspec.Struct, frozen=True, kw_only=True):
    """The container and the volumes that it alone mounts."""

    container: dict[str, Any]
    volumes: tuple[dict[str, Any], ...] = ()
    problems: tuple[Problem, ...] = ()


def initializer(
    sources: Sequence[Source],
    component: ComponentPlan,
    options: RenderOptions,
    around: Surroundings,
    mounts: Sequence[dict[str, Any]],
) -> Initializer:
    """Return the container that fetches *sources* into the *mounts*."""
    chosen, problems = _chosen(sources, component, around)
    foreign = chosen is not None and _is_foreign(chosen, options)
    opened = access(sources, options, around, foreign=foreign)
    bundle = opened.ca_bundle or options.ca_bundle
    env = [variable(k, v) for k, v in _told(sources, component, foreign).items()]
    env += _bundle_variables(bundle, options)
    platform = [variable(k, v) for k, v in sorted(options.storage_environment.items())]
    base: dict[str, Any] = {
        "name": INITIALIZER,
        "image": options.storage_image,
        "args": [word for each in sources for word in (each.uri, each.mount_path)],
        "resources": _resources(options),
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    container = base if chosen is None else merge(base, dict(chosen.container))
    container |= {"name": INITIALIZER, "args": base["args"]}
    container["env"] = with_variables(
        with_variables(container.get("env"), *env), *opened.env, *platform
    )
    scratch = [] if foreign else [{"name": SCRATCH, "mountPath": "/tmp"}]  # noqa: S108 - a volume of its own
    container["volumeMounts"] = [
        *container.get("volumeMounts", ()),
        *mounts,
        *scratch,
        *opened.mounts,
        *_bundle_mounts(bundle, options),
    ]
    if not foreign:
        read_only_root(container)
    return Initializer(
        container=container,
        volumes=(*opened.volumes, *_bundle_volumes(bundle)),
        problems=(*problems, *_confidential(component, foreign=foreign)),
    )


def _resources(options: RenderOptions) -> dict[str, Any]:
    return {
        "requests": dict(options.storage_requests),
        "limits": dict(options.storage_limits),
    }


def _told(
    sources: Sequence[Source],
    component: ComponentPlan,
    foreign: bool,  # noqa: FBT001 - private, one caller
) -> Mapping[str, str]:
    """Return the variables that the sources themselves ask for."""
    told: dict[str, str] = {}
    if foreign:
        if any(uri_scheme(source.uri) == "hf" for source in sources):
            told |= _HUGGING_FACE
        if component.confidential.get("enabled"):
            told["CONFIDENTIAL_ENABLED"] = "true"
            if resource := component.confidential.get("resourceId"):
                told["CONFIDENTIAL_RESOURCE_ID"] = str(resource)
        return told
    told["HOME"] = "/tmp"  # noqa: S108 - a volume of its own
    if trusted := [source.uri for source in sources if source.trusted]:
        told[_TRUST] = json.dumps(trusted)
    return told


def _chosen(
    sources: Sequence[Source], component: ComponentPlan, around: Surroundings
) -> tuple[StorageContainer | None, tuple[Problem, ...]]:
    """Return the ClusterStorageContainer of *sources*, None where ours fetches."""
    path = "spec.predictor.storageContainerName"
    if component.storage_container:
        return _named(sources, component.storage_container, around, path)
    able = sorted(
        (each for each in around.storage_containers if not each.disabled),
        key=lambda each: each.name,
    )
    for each in able:
        if all(_reads(each, source.uri) for source in sources):
            if len(sources) > 1 and not each.many:
                continue
            return each, ()
    return None, ()


def _named(
    sources: Sequence[Source], name: str, around: Surroundings, path: str
) -> tuple[StorageContainer | None, tuple[Problem, ...]]:
    found = next((e for e in around.storage_containers if e.name == name), None)
    if found is None:
        return None, (_refused(path, f"ClusterStorageContainer {name!r} not found"),)
    if found.disabled:
        return None, (_refused(path, f"ClusterStorageContainer {name!r} is disabled"),)
    for source in sources:
        if not _reads(found, source.uri):
            uri = shown_uri(source.uri)
            why = f"ClusterStorageContainer {name!r} does not support storageUri {uri}"
            return None, (_refused(path, why),)
    if len(sources) > 1 and not found.many:
        why = f"ClusterStorageContainer {name!r} does not fetch several models"
        return None, (_refused(path, why),)
    return found, ()


def _refused(path: str, why: str) -> Problem:
    remedy = "name one that is there, or remove storageContainerName"
    return Problem(
        path=path,
        why=why,
        fatal=True,
        reason=Reason.StorageNotSupported,
        remedy=remedy,
    )


def _reads(container: StorageContainer, uri: str) -> bool:
    return uri.startswith(container.prefixes) or any(
        _matches(pattern, uri) for pattern in container.patterns
    )


def _matches(pattern: str, uri: str) -> bool:
    try:
        return re.match(pattern, uri) is not None
    except re.error:  # of Go's syntax, perhaps; no reason to fetch nothing
        return False


def _is_foreign(container: StorageContainer, options: RenderOptions) -> bool:
    """Say whether *container* runs another program than our initializer."""
    image = str(container.container.get("image") or "")
    return bool(image) and _repository(image) != _repository(options.storage_image)


def _repository(image: str) -> str:
    """Return the last part of the name of *image*: a mirror has another beginning."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def _bundle_variables(name: str, options: RenderOptions) -> list[dict[str, Any]]:
    if not name:
        return []
    return [
        variable("CA_BUNDLE_CONFIGMAP_NAME", name),
        variable("CA_BUNDLE_VOLUME_MOUNT_POINT", options.ca_bundle_path),
    ]


def _bundle_volumes(name: str) -> tuple[dict[str, Any], ...]:
    return ({"name": _BUNDLE, "configMap": {"name": name}},) if name else ()


def _bundle_mounts(name: str, options: RenderOptions) -> tuple[dict[str, Any], ...]:
    if not name:
        return ()
    path = options.ca_bundle_path
    return ({"name": _BUNDLE, "mountPath": path, "readOnly": True},)


def _confidential(component: ComponentPlan, *, foreign: bool) -> tuple[Problem, ...]:
    if foreign or not component.confidential.get("enabled"):
        return ()
    return (
        Problem(
            path="spec.predictor.model.confidential",
            why="our storage initializer does not decrypt models",
            fatal=True,
            remedy="name a ClusterStorageContainer that does: storageContainerName",
        ),
    )
