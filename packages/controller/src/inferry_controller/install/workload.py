"""The controller's Deployment, and what belongs to it."""

from __future__ import annotations

from typing import Any

from inferry_controller.install.template import (
    EACH,
    NAMESPACE,
    Code,
    Listed,
    Ref,
    Spread,
    Template,
    Values,
    When,
    equals,
    given,
    joined,
    more_than,
)

NAME = "inferry-controller"
_SELECTOR = {"app.kubernetes.io/name": NAME}
_PORT = 8080
_VERSION = Ref("version", helm="($.Values.version | default $.Chart.AppVersion)")
_RESTRICTED_POD = {
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_RESTRICTED = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def labels() -> dict[Any, Any]:
    """Return the labels of every object of the install."""
    return {
        **_SELECTOR,
        "app.kubernetes.io/part-of": "inferry",
        "app.kubernetes.io/version": _VERSION,
        Spread(Ref("labels", helm="$.Values.labels")): None,
    }


def deployment() -> list[Template]:
    """Return the Deployment, the Service of its metrics and its disruption budget."""
    spec = {
        "replicas": Ref("replicas", whole=True),
        "selector": {"matchLabels": _SELECTOR},
        # One works and the others wait: a new one comes before an old one goes.
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
        },
        "template": {"metadata": {"labels": labels()}, "spec": _pod()},
    }
    service = {
        "selector": _SELECTOR,
        "ports": [{"name": "http", "port": _PORT, "targetPort": "http"}],
    }
    budget = {"maxUnavailable": 1, "selector": {"matchLabels": _SELECTOR}}
    return [
        Template(file="controller", body=_object("apps/v1", "Deployment", spec)),
        Template(file="controller", body=_object("v1", "Service", service)),
        Template(
            file="controller",
            body=_object("policy/v1", "PodDisruptionBudget", budget),
            when=(more_than(Ref("replicas"), 1),),
        ),
    ]


def monitor() -> list[Template]:
    """Return the ServiceMonitor and the NetworkPolicy, where they are asked for."""
    endpoints = {"endpoints": [{"port": "http", "path": "/metrics"}]}
    chosen = {"selector": {"matchLabels": _SELECTOR}}
    policy = {
        "podSelector": {"matchLabels": _SELECTOR},
        "policyTypes": ["Ingress"],
        "ingress": [{"ports": [{"protocol": "TCP", "port": "http"}]}],
    }
    return [
        Template(
            file="monitoring",
            body=_object(
                "monitoring.coreos.com/v1", "ServiceMonitor", endpoints | chosen
            ),
            when=(given(Ref("monitoring")),),
        ),
        Template(
            file="network-policy",
            body=_object("networking.k8s.io/v1", "NetworkPolicy", policy),
            when=(given(Ref("networkPolicy")),),
        ),
    ]


def _object(version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": version,
        "kind": kind,
        "metadata": {"name": NAME, "namespace": NAMESPACE, "labels": labels()},
        "spec": spec,
    }


def _optional(name: str) -> When:
    ref = Ref(name, tree=True)
    return When(given(ref), ref)


def _pod() -> dict[str, Any]:
    pulls = Ref("imagePullSecrets")
    priority = Ref("priorityClassName")
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "securityContext": _RESTRICTED_POD,
        "terminationGracePeriodSeconds": 30,
        "imagePullSecrets": When(given(pulls), Listed(pulls, {"name": EACH})),
        "priorityClassName": When(given(priority), priority),
        "nodeSelector": _optional("nodeSelector"),
        "tolerations": _optional("tolerations"),
        "affinity": _optional("affinity"),
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": _SELECTOR},
            }
        ],
        "containers": [_container()],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }


def _container() -> dict[str, Any]:
    return {
        "name": "controller",
        "image": joined(Ref("registry"), f"/{NAME}:", _VERSION),
        "imagePullPolicy": Ref("imagePullPolicy"),
        "args": ["controller"],
        "env": _environment(),
        "ports": [{"name": "http", "containerPort": _PORT}],
        "resources": Ref("resources", tree=True),
        "securityContext": _RESTRICTED,
        "startupProbe": _probe("/healthz", period=2, failures=30),
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=5, failures=3),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - its own
    }


def _probe(path: str, *, period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": period,
        "timeoutSeconds": 3,
        "failureThreshold": failures,
    }


def _environment() -> list[Any]:
    def field(name: str, path: str) -> dict[str, Any]:
        return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": path}}}

    return [
        field("POD_NAME", "metadata.name"),
        field("POD_NAMESPACE", "metadata.namespace"),
        {"name": "INFERRY_CONTROLLER__HOST", "value": "0.0.0.0"},  # noqa: S104 - in a pod
        {"name": "INFERRY_CONTROLLER__PORT", "value": str(_PORT)},
        When(
            equals(Ref("scope"), "namespaced"),
            {
                "name": "INFERRY_CONTROLLER__NAMESPACES",
                "value": _commas("watch"),
            },
        ),
        When(
            given(Ref("secretNamespaces")),
            {
                "name": "INFERRY_CONTROLLER__SECRET_NAMESPACES",
                "value": _commas("secretNamespaces"),
            },
        ),
    ]


def _commas(name: str) -> Code:
    def made(values: Values) -> str:
        return ",".join(values[name])

    return Code(f'{{{{ join "," .Values.{name} | quote }}}}', made)
