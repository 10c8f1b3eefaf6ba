"""The init container that fetches a model: ours, or one of the cluster's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.planning import merge
from inferry.storage import uri_scheme
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
    chosen = _chosen(sources, component, around)
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
        problems=_confidential(component, foreign=foreign),
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
) -> StorageContainer | None:
    """Return the ClusterStorageContainer that the plan names, None where ours fetches.

    A plugin may have the name of one that could not fetch all of the sources.
    """
    names = {*component.storage_backends, component.storage_container}
    for each in around.storage_containers:
        fits = not each.disabled and (each.many or len(sources) == 1)
        if each.name in names and fits:
            return each
    return None


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
