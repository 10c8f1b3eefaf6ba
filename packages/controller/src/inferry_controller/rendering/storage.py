"""How the files of a model come into a pod: fetched, or mounted as a volume.

Everything is rendered into the pod template: no webhook changes pods later. Names are
those that KServe's pod mutator gives.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.storage import uri_scheme
from inferry_controller.rendering import storage_images
from inferry_controller.rendering.containers import MODEL_PATH
from inferry_controller.rendering.rendered import Problem
from inferry_controller.rendering.storage_initializer import (
    INITIALIZER,
    initializer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.planning import ComponentPlan
    from inferry.storage import Source
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.surroundings import Surroundings

VOLUME = "kserve-provision-location"
_CLAIM = "kserve-pvc-source"
_READ_ONLY = "storage.kserve.io/readonly"


class ModelFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What a pod gets for its model: ``mounts`` are those of the containers that serve.

    ``before`` are init containers, after those of the service. ``shares_processes`` is
    what a modelcar needs: its files are seen through its process.
    """

    before: tuple[dict[str, Any], ...] = ()
    volumes: tuple[dict[str, Any], ...] = ()
    mounts: tuple[dict[str, Any], ...] = ()
    shares_processes: bool = False
    problems: tuple[Problem, ...] = ()


class _Making(msgspec.Struct, kw_only=True):
    before: list[dict[str, Any]] = []
    volumes: list[dict[str, Any]] = []
    mounts: list[dict[str, Any]] = []
    problems: list[Problem] = []


def model_files(
    component: ComponentPlan, options: RenderOptions, around: Surroundings
) -> ModelFiles:
    """Return what brings the sources of *component* into its pods."""
    sources = component.sources
    if not sources:
        return ModelFiles()
    making = _Making()
    fetched: list[Source] = []
    shares = False
    read_only = component.annotations.get(_READ_ONLY, "").lower() != "false"
    for source in sources:
        kind = uri_scheme(source.uri)
        if kind == "pvc":
            _claim(source, making, read_only=read_only)
        elif (mode := storage_images.mode(source.uri, options.oci_mode)) == "fetch":
            fetched.append(storage_images.to_fetch(source))
        elif mode == "native":
            volume, mount = storage_images.native(source, len(making.volumes))
            making.volumes.append(volume)
            making.mounts.append(mount)
        elif mode == "modelcar":
            car = storage_images.modelcar(source, len(making.volumes))
            making.before.append(car.container)
            making.volumes.append(car.volume)
            making.mounts.append(car.mount)
            shares = True
        else:
            fetched.append(source)
    if fetched:
        _fetch(fetched, component, options, around, making, read_only=read_only)
    return ModelFiles(
        before=tuple(making.before),
        volumes=tuple(making.volumes),
        mounts=tuple(making.mounts),
        shares_processes=shares,
        problems=tuple(making.problems),
    )


def _claim(source: Source, making: _Making, *, read_only: bool) -> None:
    """Mount the claim of ``pvc://name/path``; one claim is one volume."""
    claim, _, path = source.uri.partition("://")[2].partition("/")
    name = next(
        (
            each["name"]
            for each in making.volumes
            if each.get("persistentVolumeClaim", {}).get("claimName") == claim
        ),
        "",
    )
    if not name:
        number = sum(1 for v in making.volumes if "persistentVolumeClaim" in v)
        name = f"{_CLAIM}-{number + 1}" if number else _CLAIM
        volume = {"name": name, "persistentVolumeClaim": {"claimName": claim}}
        making.volumes.append(volume)
    mount: dict[str, Any] = {"name": name, "mountPath": source.mount_path}
    if path := path.strip("/"):
        mount["subPath"] = path
    making.mounts.append(mount | {"readOnly": read_only})
    if ".." in path.split("/"):
        why = f"the path {path!r} leaves the volume"
        making.problems.append(Problem(path="storageUri", why=why, fatal=True))


def _fetch(
    fetched: Sequence[Source],
    component: ComponentPlan,
    options: RenderOptions,
    around: Surroundings,
    making: _Making,
    *,
    read_only: bool,
) -> None:
    """Let an init container fetch into a volume that the servers then read."""
    mounts = _places(fetched, making)
    making.volumes.append({"name": VOLUME, "emptyDir": {}})
    making.mounts += [each | {"readOnly": read_only} for each in mounts]
    if any(
        e.get("name") == INITIALIZER for e in component.pod.get("initContainers", ())
    ):
        return  # the service brings its own, as KServe allows
    made = initializer(fetched, component, options, around, mounts)
    making.before.append(made.container)
    making.volumes += made.volumes
    making.problems += made.problems


def _places(fetched: Sequence[Source], making: _Making) -> list[dict[str, Any]]:
    """Return the mounts of the fetched sources: of all at once where that is possible.

    Below a folder that is mounted read-only nothing else can be mounted, so that each
    source then has a folder of the volume.
    """
    paths = [source.mount_path for source in fetched]
    top = os.path.commonpath(paths) if len(paths) > 1 else paths[0]
    others = [str(each["mountPath"]) for each in making.mounts]
    if top == "/" or any(each == top or each.startswith(f"{top}/") for each in others):
        return [
            {"name": VOLUME, "mountPath": path, "subPath": f"source-{number}"}
            for number, path in enumerate(paths)
        ]
    return [{"name": VOLUME, "mountPath": top or MODEL_PATH}]
