"""HTTPRoutes: how requests from outside reach the components of a service.

KServe makes one for the service and one for each component. Those whose rules are the
same are one object here, with all of their host names: a service of a predictor alone,
which is the common one, costs one call. Each host name answers as KServe's does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from inferry.status import Reason
from inferry_controller.names import component_name, shortened
from inferry_controller.rendering.kinds import HTTP_ROUTE, is_served, not_served
from inferry_controller.rendering.rendered import Problem
from inferry_controller.rendering.services import HTTP_PORT, grpc_port
from inferry_controller.rendering.shares import behind, behind_front, weights
from inferry_controller.rendering.urls import hosts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject

GROUP = "gateway.networking.k8s.io"
EXPLAIN_PATTERN = r"^/v1/models/[\w.-]+:explain$"
#: The Gateway API's bound of ``hostnames``.
MOST_HOSTS = 16
_DEFAULT_TIMEOUT = 60
_MOST_SECONDS = 99999
_GRPC_PATH = "/inference.GRPCInferenceService"
_PLACEHOLDER = re.compile(r"\{\{?\s*\.?(name|namespace)\s*\}?\}", re.IGNORECASE)

Rule = dict[str, Any]


def routes(scene: Scene) -> tuple[list[KubernetesObject], list[Problem]]:
    """Return the HTTPRoutes of *scene*, and what they cannot do."""
    if not is_served(HTTP_ROUTE, scene.around):
        remedy = "install the Gateway API, or choose another setting kubernetes.ingress"
        reason = Reason.IngressNotSupported
        return [], [not_served(HTTP_ROUTE, "[kubernetes] ingress", remedy, reason)]
    problems = _unreachable_canaries(scene)
    found: list[tuple[str, list[str], list[Rule]]] = []
    for name, names, rules in _published(scene):
        same = next((each for each in found if each[2] == rules), None)
        if same is not None:
            same[1].extend(each for each in names if each not in same[1])
        else:
            found.append((name, names, rules))
    made = [_route(scene, *each, problems) for each in found if each[1]]
    if scene.options.path_template:
        made.append(_below_path(scene, problems))
    return made, problems


def explain_path(scene: Scene) -> str:
    """Return the path of V1 explanations; empty where nothing says the model's name.

    The name is the predictor's: known for a runtime's model, and for a container whose
    args give it.
    """
    predictor = next(each for each in scene.main if each.kind == "predictor")
    name = model_name(predictor)
    return f"/v1/models/{name}:explain" if name else ""


def model_name(part: Part) -> str:
    """Return the name that the model of *part* is served by, empty if unknown."""
    component = part.component
    if component.model is not None:
        return component.model.name
    args = [str(each) for each in component.container.get("args") or ()]
    for index, each in enumerate(args):
        flag, _, value = each.partition("=")
        if flag == "--model_name":
            return value or next(iter(args[index + 1 :]), "")
    return ""


def _published(scene: Scene) -> list[tuple[str, list[str], list[Rule]]]:
    """Return name, hosts and rules of each route that KServe has."""
    plan = scene.plan
    found = [(plan.name, hosts(scene), _front_rules(scene))]
    for part in scene.main:
        host = plan.hosts.get(part.kind)
        if host and host != plan.host:
            rules = _rules(scene, behind(scene, part.kind), part)
            found.append((component_name(plan.name, part.kind), [host], rules))
    return found


def _front_rules(scene: Scene) -> list[Rule]:
    parts = behind_front(scene)
    lead = next((each for each in parts if each.placement.main), parts[0])
    explainers = behind(scene, "explainer")
    if not explainers:
        return _rules(scene, parts, lead)
    path = explain_path(scene)
    match = (
        {"type": "Exact", "value": path}
        if path
        else {"type": "RegularExpression", "value": EXPLAIN_PATTERN}
    )
    explaining = _rule(scene, match, explainers, HTTP_PORT, explainers[0])
    return [explaining, *_rules(scene, parts, lead)]


def _rules(scene: Scene, parts: Sequence[Part], lead: Part) -> list[Rule]:
    """Return the rules that send all to *parts*, gRPC to its own port."""
    everything = {"type": "PathPrefix", "value": "/"}
    rules = [_rule(scene, everything, parts, HTTP_PORT, lead)]
    calling = [each for each in parts if grpc_port(each.ports) is not None]
    port = grpc_port(lead.ports)
    if port is not None and len(calling) == len(parts):
        match = {"type": "PathPrefix", "value": _GRPC_PATH}
        rules.insert(0, _rule(scene, match, parts, port, lead))
    return rules


def _rule(
    scene: Scene, match: dict[str, str], parts: Sequence[Part], port: int, lead: Part
) -> Rule:
    names = [
        {"name": "KServe-Isvc-Name", "value": scene.plan.name},
        {"name": "KServe-Isvc-Namespace", "value": scene.plan.namespace},
    ]
    rule: Rule = {
        "matches": [{"path": match}],
        "filters": [
            {"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": names}}
        ],
        "backendRefs": [
            {
                "group": "",
                "kind": "Service",
                "name": each.name,
                "port": port,
                "weight": weight,
            }
            for each, weight in zip(parts, weights(parts), strict=True)
        ],
    }
    if scene.options.route_timeouts:
        rule["timeouts"] = {"request": _duration(lead.component.timeout)}
    return rule


def _duration(timeout: float | None) -> str:
    """Return *timeout* as the Gateway API writes it: at most five digits a unit."""
    seconds = _DEFAULT_TIMEOUT if timeout is None else timeout
    if seconds > _MOST_SECONDS:
        return f"{min(-(-int(seconds) // 3600), _MOST_SECONDS)}h"
    if seconds == int(seconds):
        return f"{int(seconds)}s"
    return f"{int(seconds)}s{round(seconds % 1 * 1000)}ms"


def _route(
    scene: Scene,
    name: str,
    names: Sequence[str],
    rules: list[Rule],
    problems: list[Problem],
) -> KubernetesObject:
    if len(names) > MOST_HOSTS:
        left_out = ", ".join(names[MOST_HOSTS:])
        problems.append(
            Problem(
                path="[kubernetes] additional_domains",
                why=f"an HTTPRoute has at most {MOST_HOSTS} host names; left out: "
                + left_out,
                remedy="name fewer domains",
            )
        )
    namespace, _, gateway = scene.options.gateway.rpartition("/")
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "HTTPRoute",
        "metadata": scene.metadata(name),
        "spec": {
            "parentRefs": [
                {
                    "group": GROUP,
                    "kind": "Gateway",
                    "name": gateway,
                    "namespace": namespace or scene.plan.namespace,
                }
            ],
            "hostnames": list(names[:MOST_HOSTS]),
            "rules": rules,
        },
    }


def _below_path(scene: Scene, problems: list[Problem]) -> KubernetesObject:
    """Return the route of the path on the host that all services share.

    It claims that path alone, and the service sees what follows it.
    """
    plan = scene.plan
    path = shared_path(scene)
    parts = behind_front(scene)
    lead = next((each for each in parts if each.placement.main), parts[0])
    match = {"type": "PathPrefix", "value": path}
    rule = _rule(scene, match, parts, HTTP_PORT, lead)
    shortening = {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
    rule["filters"].append(_rewrite(shortening))
    rules = [rule]
    explainers = behind(scene, "explainer")
    explain = explain_path(scene)
    if explainers and explain:
        match = {"type": "Exact", "value": f"{path}{explain}"}
        explaining = _rule(scene, match, explainers, HTTP_PORT, explainers[0])
        explaining["filters"].append(
            _rewrite({"type": "ReplaceFullPath", "replaceFullPath": explain})
        )
        rules.insert(0, explaining)
    elif explainers:
        problems.append(
            Problem(
                path="spec.explainer",
                why=f"below {path} on {scene.options.domain} no :explain is reached: "
                "nothing says which name the model has",
                remedy="give the predictor's container the argument --model_name",
            )
        )
    return _route(
        scene, shortened(f"{plan.name}-path"), [scene.options.domain], rules, problems
    )


def shared_path(scene: Scene) -> str:
    """Return the path of the service on the shared host, without a slash at its end."""
    values = {"name": scene.plan.name, "namespace": scene.plan.namespace}
    path = _PLACEHOLDER.sub(
        lambda match: values[match[1].lower()], scene.options.path_template
    )
    return "/" + path.strip("/")


def _rewrite(path: dict[str, str]) -> dict[str, Any]:
    return {"type": "URLRewrite", "urlRewrite": {"path": path}}


def _unreachable_canaries(scene: Scene) -> list[Problem]:
    reached = {each.name for each in behind_front(scene)}
    return [
        Problem(
            path=f"{each.path}.trafficPercent",
            why="requests come to the transformer, and it asks the stable one; the "
            f"share is that of the predictor's host, and {each.name} leads there, too",
            remedy="use canaryTrafficPercent, which gives a revision its transformer",
        )
        for each in scene.live
        if each.placement.revision.variant and each.name not in reached
    ]
