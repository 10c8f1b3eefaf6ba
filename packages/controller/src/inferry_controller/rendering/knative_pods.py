"""A pod template as Knative takes it: a part of what Kubernetes does.

Knative refuses a Service with any field that it does not allow; some it allows behind a
feature of its ConfigMap ``config-features``. What the platform adds by itself is left
out in silence, because Knative does the same in its own way (draining, ports); what a
document asks for is told. Source: Knative's specification of the Serving API.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry_controller.names import APP_LABEL
from inferry_controller.rendering.containers import copied
from inferry_controller.rendering.rendered import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_controller.rendering.parts import Part

_POD_FIELDS = frozenset(
    {
        "containers",
        "enableServiceLinks",
        "imagePullSecrets",
        "serviceAccountName",
        "volumes",
    }
)
#: The field of a pod -> the feature that allows it.
_POD_FEATURES = {
    name: f"kubernetes.podspec-{feature}"
    for name, feature in {
        "affinity": "affinity",
        "dnsConfig": "dnsconfig",
        "dnsPolicy": "dnspolicy",
        "hostAliases": "hostaliases",
        "hostIPC": "hostipc",
        "hostNetwork": "hostnetwork",
        "hostPID": "hostpid",
        "initContainers": "init-containers",
        "nodeSelector": "nodeselector",
        "priorityClassName": "priorityclassname",
        "runtimeClassName": "runtimeclassname",
        "schedulerName": "schedulername",
        "securityContext": "securitycontext",
        "shareProcessNamespace": "shareprocessnamespace",
        "tolerations": "tolerations",
        "topologySpreadConstraints": "topologyspreadconstraints",
    }.items()
}
_VOLUME_FEATURES = {
    "csi": "kubernetes.podspec-volumes-csi",
    "hostPath": "kubernetes.podspec-volumes-hostpath",
    "image": "kubernetes.podspec-volumes-image",
    "persistentVolumeClaim": "kubernetes.podspec-persistent-volume-claim",
}
_VOLUMES = frozenset({"configMap", "emptyDir", "name", "projected", "secret"})
_CONTAINER_FIELDS = frozenset(
    {
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "livenessProbe",
        "name",
        "ports",
        "readinessProbe",
        "resources",
        "securityContext",
        "startupProbe",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "volumeMounts",
        "workingDir",
    }
)
_SECURITY_FIELDS = frozenset(
    {
        "allowPrivilegeEscalation",
        "capabilities",
        "readOnlyRootFilesystem",
        "runAsGroup",
        "runAsNonRoot",
        "runAsUser",
        "seccompProfile",
    }
)
#: Of a pod's security context, what each of its containers can say, too.
_OF_EACH = ("runAsGroup", "runAsNonRoot", "runAsUser", "seccompProfile")
_FEATURE_REMEDY = "set it to enabled in the ConfigMap config-features of Knative"
_MODE_REMEDY = "remove it, or use the mode Standard"


def knative_template(part: Part) -> tuple[dict[str, Any], list[Problem]]:
    """Return the template of *part* for a Knative Service, and what it loses."""
    return _Narrowing(part).done()


class _Narrowing:
    def __init__(self, part: Part) -> None:
        self._part = part
        self._template: dict[str, Any] = copied(part.template)
        self._problems: list[Problem] = []

    def done(self) -> tuple[dict[str, Any], list[Problem]]:
        metadata, spec = self._template["metadata"], self._template["spec"]
        # Knative gives pods this label itself, with the name of its Revision.
        metadata["labels"].pop(APP_LABEL, None)
        self._hand_down(spec)
        kept = {name: value for name, value in spec.items() if self._keeps(name, value)}
        kept["containers"] = [self._container(each) for each in kept["containers"]]
        self._one_port(kept["containers"])
        for each in kept.get("volumes", ()):
            self._volume(each)
        return {"metadata": metadata, "spec": kept}, self._problems

    def _hand_down(self, spec: dict[str, Any]) -> None:
        """Say of each container what the pod says of all of them."""
        context = spec.get("securityContext") or {}
        shared = {key: context.pop(key) for key in _OF_EACH if key in context}
        for each in (*spec.get("initContainers", ()), *spec["containers"]):
            each["securityContext"] = {**shared, **(each.get("securityContext") or {})}
        if not context:
            spec.pop("securityContext", None)

    def _keeps(self, name: str, value: Any) -> bool:  # noqa: ANN401 - any field
        if name in _POD_FIELDS:
            return True
        if name == "automountServiceAccountToken":
            return value is False
        feature = _POD_FEATURES.get(name)
        if feature is not None:
            self._needs(name, feature)
            return True
        if name in self._part.component.pod:
            self._lost(name)
        return False

    def _container(self, container: dict[str, Any]) -> dict[str, Any]:
        asked = self._part.component.container
        for name in container.keys() - _CONTAINER_FIELDS:
            if name in asked:
                self._lost(f"{container['name']}.{name}")
        kept = {k: v for k, v in container.items() if k in _CONTAINER_FIELDS}
        context = kept.get("securityContext") or {}
        kept["securityContext"] = {
            key: value for key, value in context.items() if key in _SECURITY_FIELDS
        }
        if (context.get("capabilities") or {}).get("add"):
            self._needs("capabilities", "kubernetes.containerspec-addcapabilities")
        if any(_is_field(each) for each in kept.get("env") or ()):
            self._needs("env.valueFrom.fieldRef", "kubernetes.podspec-fieldref")
        return kept

    def _one_port(self, containers: list[dict[str, Any]]) -> None:
        """Keep the one port that Knative serves, with a name that says how."""
        found = [(each, port) for each in containers for port in each.get("ports", ())]
        if not found:
            return
        by_grpc = self._part.component.protocol.startswith("grpc")
        facing = [pair for pair in found if _is_grpc(pair[1]) == by_grpc] or found
        chosen, port = facing[0]
        for each in containers:
            each.pop("ports", None)
        name = "h2c" if _is_grpc(port) else "http1"
        chosen["ports"] = [{"name": name, "containerPort": port["containerPort"]}]
        self._probe(chosen, port["containerPort"])
        declared = self._part.component.container.get("ports") or ()
        if len(declared) > 1:
            self._lost(f"{chosen['name']}.ports[1]")

    def _probe(self, container: dict[str, Any], number: int) -> None:
        """Let probes ask the port that is served: Knative allows no other."""
        for name in ("startupProbe", "readinessProbe", "livenessProbe"):
            probe = container.get(name) or {}
            asked = probe.get("httpGet") or probe.get("tcpSocket") or {}
            if asked.get("port", number) != number:
                container.pop(name)

    def _volume(self, volume: Mapping[str, Any]) -> None:
        for kind in volume.keys() - _VOLUMES:
            feature = _VOLUME_FEATURES.get(kind)
            if feature is None:
                self._lost(f"volumes[{volume['name']}].{kind}")
            else:
                self._needs(f"volumes[{volume['name']}].{kind}", feature)

    def _needs(self, name: str, feature: str) -> None:
        self._problems.append(
            Problem(
                path=f"{self._part.path}.{name}",
                why=f"Knative takes it only with its feature {feature}",
                remedy=_FEATURE_REMEDY,
            )
        )

    def _lost(self, name: str) -> None:
        self._problems.append(
            Problem(
                path=f"{self._part.path}.{name}",
                why="a Knative Service does not allow it",
                remedy=_MODE_REMEDY,
            )
        )


def _is_grpc(port: Mapping[str, Any]) -> bool:
    name = str(port.get("name", ""))
    return "grpc" in name or "h2c" in name


def _is_field(variable: Mapping[str, Any]) -> bool:
    source = variable.get("valueFrom") or {}
    return "fieldRef" in source or "resourceFieldRef" in source
