"""What the controller may do, to what, and why: the one list that roles come from.

The page docs/how-to/rights-on-kubernetes.md prints it. No right reads a Secret, unless
whoever installs names the namespaces (`SECRETS`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

READ = ("get", "list", "watch")
WRITE = ("create", "patch", "delete")
OURS = "serving.kserve.io"


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Verbs on some resources of one API group; ``names`` limits them to objects."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    why: str
    names: tuple[str, ...] = ()

    def rule(self) -> dict[str, Any]:
        """Return the rule of a role."""
        found: dict[str, Any] = {
            "apiGroups": [self.group],
            "resources": list(self.resources),
            "verbs": list(self.verbs),
        }
        return found | ({"resourceNames": list(self.names)} if self.names else {})


def _children(group: str, *resources: str, why: str) -> Right:
    return Right(group=group, resources=resources, verbs=(*READ, *WRITE), why=why)


#: In every namespace, or in those of a namespaced install.
IN_NAMESPACES: tuple[Right, ...] = (
    Right(
        group=OURS,
        resources=("inferenceservices",),
        verbs=(*READ, "patch"),
        why="The services to run; patch takes away finalizers that KServe left.",
    ),
    Right(
        group=OURS,
        resources=("servingruntimes", "trainedmodels", "inferencegraphs"),
        verbs=READ,
        why="Runtimes of a namespace, and kinds whose status says what runs them not.",
    ),
    Right(
        group=OURS,
        resources=(
            "inferenceservices/status",
            "trainedmodels/status",
            "inferencegraphs/status",
        ),
        verbs=("get", "patch"),
        why="Tell what became of them.",
    ),
    Right(
        group=OURS,
        resources=("inferenceservices/finalizers",),
        verbs=("update",),
        why="Own children where OwnerReferencesPermissionEnforcement is on.",
    ),
    _children("apps", "deployments", why="A Deployment for each revision."),
    Right(
        group="apps",
        resources=("controllerrevisions",),
        verbs=("get", *WRITE),
        why="Keep what a superseded revision was, for rolling back.",
    ),
    _children("", "services", why="A Service for each component and revision."),
    _children("autoscaling", "horizontalpodautoscalers", why="Scale with load."),
    _children("policy", "poddisruptionbudgets", why="Keep replicas while nodes drain."),
    _children(
        "gateway.networking.k8s.io", "httproutes", why="Routes, and shares of canaries."
    ),
    Right(
        group="gateway.networking.k8s.io",
        resources=("gateways",),
        verbs=READ,
        why="Say why a route is not accepted.",
    ),
    _children(
        "networking.k8s.io",
        "ingresses",
        "networkpolicies",
        why="Where the settings ask for an Ingress or a NetworkPolicy.",
    ),
    _children("keda.sh", "scaledobjects", why="Services that are scaled by KEDA."),
    _children(
        "monitoring.coreos.com",
        "servicemonitors",
        "podmonitors",
        why="Where the settings ask for monitors.",
    ),
    _children("serving.knative.dev", "services", why="Services in Knative mode."),
    _children(
        "networking.istio.io", "virtualservices", why="Routes of the Knative mode."
    ),
    Right(
        group="",
        resources=("pods",),
        verbs=READ,
        why="Say why a service is not ready: pulls, crashes, memory, nodes.",
    ),
    Right(
        group="",
        resources=("serviceaccounts",),
        verbs=READ,
        why="Which Secrets a service's account lists; names only, no token.",
    ),
    Right(
        group="",
        resources=("events",),
        verbs=(*READ, "create", "patch"),
        why="What happened to a pod, and telling what happened to a service.",
    ),
    Right(
        group="events.k8s.io",
        resources=("events",),
        verbs=("create", "patch"),
        why="Tell what happened to a service.",
    ),
)

#: Of the cluster; a namespaced install does without.
IN_CLUSTER: tuple[Right, ...] = (
    Right(
        group=OURS,
        resources=("clusterservingruntimes", "clusterstoragecontainers"),
        verbs=READ,
        why="Runtimes and storage containers for all namespaces.",
    ),
)

#: In the namespace of the install.
AT_HOME: tuple[Right, ...] = (
    Right(
        group="coordination.k8s.io",
        resources=("leases",),
        verbs=("create",),
        why="Elect the one replica that works; a create cannot be limited by name.",
    ),
    Right(
        group="coordination.k8s.io",
        resources=("leases",),
        names=("inferry-controller",),
        verbs=("get", "update", "patch"),
        why="Hold what was elected.",
    ),
    Right(
        group="",
        resources=("configmaps",),
        names=("inferenceservice-config",),
        verbs=READ,
        why="The settings, and their changes.",
    ),
    Right(
        group="",
        resources=("events",),
        verbs=("create", "patch"),
        why="Tell what is wrong with the settings.",
    ),
    Right(
        group="events.k8s.io",
        resources=("events",),
        verbs=("create", "patch"),
        why="The same, in the newer group.",
    ),
)

#: In the namespaces that whoever installs names for it, by default none.
SECRETS: tuple[Right, ...] = (
    Right(
        group="",
        resources=("secrets",),
        verbs=READ,
        why="S3 annotations on Secrets. Kubernetes cannot grant these without values.",
    ),
)

#: What users get through the roles `view`, `edit` and `admin` of the cluster.
VIEW: tuple[Right, ...] = (
    Right(
        group=OURS,
        resources=(
            "inferenceservices",
            "servingruntimes",
            "trainedmodels",
            "inferencegraphs",
        ),
        verbs=READ,
        why="See services, runtimes and their status.",
    ),
)
EDIT: tuple[Right, ...] = (
    Right(
        group=OURS,
        resources=VIEW[0].resources,
        verbs=("create", "update", "patch", "delete", "deletecollection"),
        why="Apply and delete them.",
    ),
)


def rules(rights: tuple[Right, ...]) -> list[dict[str, Any]]:
    """Return the rules of a role with *rights*."""
    return [right.rule() for right in rights]


def table(rights: tuple[Right, ...]) -> str:
    """Return *rights* as a table of Markdown."""
    rows = ["| API group | Resources | Verbs | Why |", "|---|---|---|---|"]
    rows += [
        f"| {right.group or '(core)'} | {_code(right.resources)}"
        f"{f' named {_code(right.names)}' if right.names else ''} "
        f"| {', '.join(right.verbs)} | {right.why} |"
        for right in rights
    ]
    return "\n".join(rows)


def _code(words: tuple[str, ...]) -> str:
    return ", ".join(f"`{word}`" for word in words)
