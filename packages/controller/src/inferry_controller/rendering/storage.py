"""How the files of a model come into a pod: fetched, or mounted as a volume.

Everything is rendered into the pod template: no webhook changes pods later. Names are
those that KServe's pod mutator gives.
"""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.status import Reason
from inferry.storage import uri_scheme
from inferry_controller.rendering import storage_images
from inferry_controller.rendering.rendered import Problem
from inferry_controller.rendering.storage_initializer import (
    INITIALIZER,
    initializer,
)

if TYPE_CHECKING:
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


def model_files(
    component: ComponentPlan, options: RenderOptions, around: Surroundings
) -> ModelFiles:
    """Return what brings the sources of *component* into its pods."""
    if not component.sources:
        return ModelFiles()
    making = _Making(component)
    for source in component.sources:
        mode = storage_images.mode(source.uri, options.oci_mode)
        if uri_scheme(source.uri) == "pvc":
            making.claim(source)
        elif mode == "native":
            making.image(source)
        elif mode == "modelcar":
            making.modelcar(source)
        else:
            fetched = storage_images.to_fetch(source) if mode else source
            making.fetched.append(fetched)
    making.fetch(options, around)
    return ModelFiles(
        before=tuple(making.before),
        volumes=tuple(making.volumes),
        mounts=tuple(making.mounts),
        shares_processes=making.shares_processes,
        problems=tuple(making.problems),
    )


class _Making:
    """The files of one component on their way."""

    def __init__(self, component: ComponentPlan) -> None:
        self._component = component
        said = component.annotations.get(_READ_ONLY, "")
        self._read_only = said.lower() != "false"
        self.before: list[dict[str, Any]] = []
        self.volumes: list[dict[str, Any]] = []
        self.mounts: list[dict[str, Any]] = []
        self.problems: list[Problem] = []
        self.fetched: list[Source] = []
        self.shares_processes = False

    def claim(self, source: Source) -> None:
        """Mount the claim of ``pvc://name/path``; one claim is one volume."""
        claim, _, path = source.uri.partition("://")[2].partition("/")
        mount: dict[str, Any] = {"name": self._volume(claim)}
        mount["mountPath"] = source.mount_path
        if path := path.strip("/"):
            mount["subPath"] = path
        self.mounts.append(mount | {"readOnly": self._read_only})
        if ".." in path.split("/"):
            self.problems.append(
                Problem(
                    path=f"spec.{self._component.component}.storageUri",
                    why=f"{source.uri} leaves its volume",
                    fatal=True,
                    reason=Reason.InvalidSpec,
                    remedy="write the path within the volume without '..'",
                )
            )

    def _volume(self, claim: str) -> str:
        """Return the name of the volume of *claim*, made where it is not there yet."""
        claims = [v for v in self.volumes if "persistentVolumeClaim" in v]
        for each in claims:
            if each["persistentVolumeClaim"]["claimName"] == claim:
                return str(each["name"])
        name = f"{_CLAIM}-{len(claims) + 1}" if claims else _CLAIM
        volume = {"name": name, "persistentVolumeClaim": {"claimName": claim}}
        self.volumes.append(volume)
        return name

    def image(self, source: Source) -> None:
        """Mount the image of ``oci://``."""
        volume, mount = storage_images.native(source, len(self.volumes))
        self.volumes.append(volume)
        self.mounts.append(mount)

    def modelcar(self, source: Source) -> None:
        """Show the files of the image of ``oci://`` from a sidecar."""
        car = storage_images.modelcar(source, len(self.before))
        self.before.append(car.container)
        self.volumes.append(car.volume)
        self.mounts.append(car.mount)
        self.shares_processes = True

    def fetch(self, options: RenderOptions, around: Surroundings) -> None:
        """Let an init container fetch into a volume that the servers then read."""
        if not self.fetched:
            return
        mounts = self._places()
        self.volumes.append({"name": VOLUME, "emptyDir": {}})
        self.mounts += [each | {"readOnly": self._read_only} for each in mounts]
        own = self._component.pod.get("initContainers") or ()
        if any(each.get("name") == INITIALIZER for each in own):
            return  # the service brings its own, as KServe allows
        made = initializer(self.fetched, self._component, options, around, mounts)
        self.before.append(made.container)
        self.volumes += made.volumes
        self.problems += made.problems

    def _places(self) -> list[dict[str, Any]]:
        """Return the mounts of what is fetched: one for all where that is possible.

        Below a folder that is mounted read-only nothing else can be mounted, so that
        each source then has a folder of the volume.
        """
        paths = [source.mount_path for source in self.fetched]
        top = os.path.commonpath(paths)
        others = [str(each["mountPath"]) for each in self.mounts]
        if top != "/" and not any(f"{each}/".startswith(f"{top}/") for each in others):
            return [{"name": VOLUME, "mountPath": top}]
        return [
            {"name": VOLUME, "mountPath": path, "subPath": f"source-{number}"}
            for number, path in enumerate(paths)
        ]
