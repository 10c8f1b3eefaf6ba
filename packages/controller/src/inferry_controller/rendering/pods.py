"""The pod of one component of one revision, in Standard and in Knative mode.

It depends on what is served and with what, on nothing else: neither on the version of
the controller nor on scaling or traffic, so that none of these restarts a pod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inferry.storage import shown_uri
from inferry_controller.names import APP_LABEL, app_label
from inferry_controller.rendering import probes
from inferry_controller.rendering.components import front_flags
from inferry_controller.rendering.containers import (
    HTTP_PORT,
    MODEL_PATH,
    SERVING,
    TRANSFORMER,
    copied,
    flag,
    is_ours,
    variable,
    with_flags,
    with_variables,
)
from inferry_controller.rendering.containers_flags import server_flags, unserved
from inferry_controller.rendering.metadata import metadata
from inferry_controller.rendering.modes import mode
from inferry_controller.rendering.pods_ending import end_well, ending
from inferry_controller.rendering.pods_metadata import pod_annotations
from inferry_controller.rendering.rendered import (
    Problem,  # noqa: TC001 - msgspec reads it at run time
)
from inferry_controller.rendering.security import read_only_root, secure_pod
from inferry_controller.rendering.storage import ModelFiles, model_files
from inferry_controller.rendering.storage_initializer import SCRATCH

if TYPE_CHECKING:
    from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan
    from inferry_controller.options import RenderOptions
    from inferry_controller.rendering.surroundings import Surroundings

GRPC_PORT = 8081
_ACCELERATOR = "serving.kserve.io/gke-accelerator"
_GKE = "cloud.google.com/gke-accelerator"
_NVIDIA = "nvidia.com/gpu"


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """A pod template, and what of the service it cannot honour."""

    template: dict[str, Any]
    problems: tuple[Problem, ...] = ()


def pod(
    component: ComponentPlan,
    revision: RevisionPlan,
    plan: ServingPlan,
    options: RenderOptions,
    around: Surroundings,
    *,
    name: str,
    slot: str,
) -> Pod:
    """Return the pod that Deployment (or Knative Service) *name* makes.

    *slot* is the placement's: a transformer talks to the predictor of the same slot.
    """
    made = metadata(name, plan, options, component, revision)
    making = _Making(component, revision, plan, options, slot)
    files = model_files(component, options, around)
    spec = making.spec(files)
    annotations = pod_annotations(made.get("annotations", {}))
    app = {APP_LABEL: app_label(name)}
    return Pod(
        template={
            "metadata": {
                # The Deployment selects by it, whatever a service calls itself.
                "labels": {**app, **made["labels"], **app},
                **({"annotations": annotations} if annotations else {}),
            },
            "spec": spec,
        },
        problems=(*files.problems, *making.problems),
    )


class _Making:
    """One pod on its way."""

    def __init__(
        self,
        component: ComponentPlan,
        revision: RevisionPlan,
        plan: ServingPlan,
        options: RenderOptions,
        slot: str,
    ) -> None:
        self._component = component
        self._revision = revision
        self._plan = plan
        self._options = options
        self._slot = slot
        self._ours = is_ours(component)
        args = component.container.get("args") or ()
        self._end = ending(component.timeout, component.pod, args, ours=self._ours)
        self.problems: list[Problem] = []

    def spec(self, files: ModelFiles) -> dict[str, Any]:
        """Return the pod spec, with the *files* of the model."""
        component, options = self._component, self._options
        own: dict[str, Any] = copied(component.pod)
        others = own.pop("containers", [])
        initial = [*own.pop("initContainers", ()), *files.before]
        serving = self._serving(files)
        for each in others:
            self._beside(each, files)
        spec: dict[str, Any] = {"initContainers": initial} if initial else {}
        spec["containers"] = [serving, *others]
        volumes = [*own.pop("volumes", ()), *files.volumes, *_scratch(spec)]
        if volumes:
            spec["volumes"] = volumes
        spec |= own
        if files.shares_processes:
            spec["shareProcessNamespace"] = True
        spec.setdefault("terminationGracePeriodSeconds", self._end.grace)
        spec.setdefault("automountServiceAccountToken", options.automount_token)
        # One variable for each port of each Service of a namespace soon fills the
        # environment of a process.
        spec.setdefault("enableServiceLinks", False)
        self._accelerator(spec, serving)
        secure_pod(spec, options.run_as_user)
        return spec

    def _serving(self, files: ModelFiles) -> dict[str, Any]:
        """Return the container that answers."""
        component = self._component
        given: dict[str, Any] = copied(component.container)
        own = component.component != "predictor" and given.get("name")
        # In the order in which people read it.
        name = {"name": own or SERVING}
        container: dict[str, Any] = {**name, **given, **name}
        self._fill_resources(container)
        container["env"] = self._variables(container)
        _mount(container, files)
        args = container.get("args") or []
        flags: dict[str, str] = {}
        if component.component != "predictor":
            flags = front_flags(
                component,
                self._revision,
                self._plan,
                slot=self._slot,
                ours=self._ours,
                headless=self._options.headless,
            )
        if self._ours:
            told, problems = server_flags(component, self._plan, self._end)
            flags |= {k: v for k, v in told.items() if k not in flags}
            self.problems += problems
        else:
            knative = mode(self._plan, self._options) == "Knative"
            self.problems += unserved(component, knative=knative)
        if args := with_flags(args, flags):
            container["args"] = args
        self._answering(container)
        return container

    def _answering(self, container: dict[str, Any]) -> None:
        """Let *container* tell when it answers, and end well."""
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
        if self._ours:
            _ports(container)
            # Not the first port that is declared: that can be the one for gRPC.
            port = _port(
                "http1", flag(container.get("args") or (), "http_port"), HTTP_PORT
            )
            probes.our_probes(container, port["containerPort"])
            read_only_root(container)
            _add_scratch(container)
        else:
            probes.foreign_probes(container, self._component)
        end_well(container, self._end)

    def _beside(self, container: dict[str, Any], files: ModelFiles) -> None:
        """Complete another container of the pod: a collocated transformer."""
        if container.get("name") != TRANSFORMER:
            return
        _mount(container, files)
        container["env"] = self._variables(container)
        container.setdefault("terminationMessagePolicy", "FallbackToLogsOnError")
        probes.open_port(container)
        end_well(container, self._end)

    def _fill_resources(self, container: dict[str, Any]) -> None:
        """Give *container* the platform's resources where nobody names any."""
        options = self._options
        if container.get("resources"):
            return
        given = {
            "requests": dict(options.container_requests),
            "limits": dict(options.container_limits),
        }
        if any(given.values()):
            container["resources"] = {k: v for k, v in given.items() if v}

    def _variables(self, container: dict[str, Any]) -> list[dict[str, Any]]:
        component = self._component
        env = container.get("env") or ()
        if component.sources:
            # KServe's: where the model is now, no longer where it came from.
            env = [
                variable("STORAGE_URI", MODEL_PATH)
                if each.get("name") == "STORAGE_URI"
                else each
                for each in env
            ]
        more = [variable("INFERENCE_SERVICE_NAME", self._plan.name)]
        if self._ours:
            more += self._settings()
        return with_variables(env, *more)

    def _settings(self) -> list[dict[str, Any]]:
        """Return what our server is told by its environment."""
        uris = [source.uri for source in self._component.sources]
        told = dict(sorted(self._options.server_environment.items()))
        runtime = self._component.runtime
        if runtime is not None and runtime.plugin:
            # A server loads no plugin that nobody named; this pod is made for this one.
            told.setdefault("INFERRY_PLUGINS", runtime.plugin)
        if len(uris) == 1 and "://" in uris[0]:
            told.setdefault("INFERRY_MODEL_SOURCE", shown_uri(uris[0]))
        told.setdefault("HOME", "/tmp")  # noqa: S108 - a volume of its own
        return [variable(key, value) for key, value in told.items()]

    def _accelerator(self, spec: dict[str, Any], container: dict[str, Any]) -> None:
        """Put a pod with a GPU on the nodes that GKE's annotation names."""
        kind = self._component.annotations.get(_ACCELERATOR)
        limits = (container.get("resources") or {}).get("limits") or {}
        if kind and _NVIDIA in limits:
            spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), _GKE: kind}


def _mount(container: dict[str, Any], files: ModelFiles) -> None:
    """Mount the *files*, but nothing where *container* mounts something itself."""
    mounts = container.get("volumeMounts") or []
    taken = {each.get("mountPath") for each in mounts}
    added = [dict(each) for each in files.mounts if each["mountPath"] not in taken]
    if mounts or added:
        container["volumeMounts"] = [*mounts, *added]


def _ports(container: dict[str, Any]) -> None:
    """Declare where our server listens, as its flags say."""
    if container.get("ports"):
        return
    args = container.get("args") or ()
    ports = [_port("http1", flag(args, "http_port"), HTTP_PORT)]
    if (flag(args, "enable_grpc") or "true").lower() not in {"0", "false", "no", "off"}:
        ports.append(_port("grpc", flag(args, "grpc_port"), GRPC_PORT))
    container["ports"] = ports


def _port(name: str, given: str | None, default: int) -> dict[str, Any]:
    number = int(given) if given and given.isdecimal() else default
    return {"name": name, "containerPort": number, "protocol": "TCP"}


def _add_scratch(container: dict[str, Any]) -> None:
    mounts = container.get("volumeMounts") or []
    if any(each.get("mountPath") == "/tmp" for each in mounts):  # noqa: S108 - in the pod
        return
    mount = {"name": SCRATCH, "mountPath": "/tmp"}  # noqa: S108 - a volume of its own
    container["volumeMounts"] = [*mounts, mount]


def _scratch(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the volume for scratch files, if a container mounts it."""
    containers = (*spec.get("initContainers", ()), *spec["containers"])
    mounts = (m for each in containers for m in each.get("volumeMounts") or ())
    if any(each.get("name") == SCRATCH for each in mounts):
        return [{"name": SCRATCH, "emptyDir": {}}]
    return []
