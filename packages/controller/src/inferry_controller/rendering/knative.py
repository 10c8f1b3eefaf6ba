"""The objects of a service in Knative mode: Knative Services, and Istio's way to them.

Knative keeps the revisions and scales them. One Knative Service of each component holds
what should run now; which share an earlier Revision gets is its traffic. A Revision's
name is Knative's own, so that a placement has to say it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import PlanningError
from inferry.status import Reason
from inferry_controller.names import REVISION_LABEL, SPEC_ANNOTATION
from inferry_controller.rendering.kinds import KNATIVE_SERVICE, is_served, not_served
from inferry_controller.rendering.knative_istio import istio_objects, istio_problems
from inferry_controller.rendering.knative_pods import knative_template
from inferry_controller.rendering.knative_scaling import scaling_annotations
from inferry_controller.rendering.knative_urls import knative_urls
from inferry_controller.rendering.rendered import Problem, Rendered
from inferry_controller.rendering.urls import (
    CLUSTER_LOCAL,
    VISIBILITY_LABELS,
    is_cluster_local,
)

if TYPE_CHECKING:
    from inferry_controller.rendering.parts import Part, Scene
    from inferry_controller.rendering.rendered import KubernetesObject

_AUTOSCALING = "autoscaling.knative.dev/"
#: What Knative reads of the Service, and refuses in its template.
_OF_SERVICE = (
    "serving.knative.dev/rollout-duration",
    "serving.knative.openshift.io/enablePassthrough",
)
_TAGS = "serving.kserve.io/enable-tag-routing"
_ALL = 100


def knative(scene: Scene) -> Rendered:
    """Return everything of *scene* in Knative mode.

    Raises:
        PlanningError: The cluster has no Knative, or the service asks for named
            canaries, which are not for this mode.

    """
    _refuse(scene)
    newest = _newest(scene)
    problems: list[Problem] = []
    objects = [_service(scene, part, problems) for part in newest]
    objects += istio_objects(scene, newest)
    for part in newest:
        problems += part.problems
    problems += istio_problems(scene)
    return Rendered(
        objects=tuple(objects),
        problems=tuple(dict.fromkeys(problems)),
        **knative_urls(scene, newest),
    )


def _refuse(scene: Scene) -> None:
    if any(each.variant for each in scene.plan.revisions):
        msg = "spec.canary is for the mode Standard; this service is in mode Knative"
        raise PlanningError(
            msg,
            reason=Reason.NotSupportedByBackend,
            remedy="use canaryTrafficPercent",
        )
    if not is_served(KNATIVE_SERVICE, scene.around):
        problem = not_served(KNATIVE_SERVICE, "mode", "")
        msg = f"the service is in mode Knative, and {problem.why}"
        raise PlanningError(
            msg,
            reason=problem.reason,
            remedy="install Knative Serving, or use the mode Standard",
        )


def _newest(scene: Scene) -> tuple[Part, ...]:
    """Return the parts of what should run now: the plan's own revision."""
    name = scene.plan.revisions[0].name
    parts = tuple(p for p in scene.parts if p.placement.revision.name == name)
    return parts or scene.main


def _service(scene: Scene, part: Part, problems: list[Problem]) -> KubernetesObject:
    template, lost = knative_template(part)
    problems += lost
    name = f"{scene.plan.name}-{part.kind}"
    made = scene.metadata(name, part)
    annotations = made.get("annotations", {})
    made["labels"][REVISION_LABEL] = part.placement.revision.name
    if is_cluster_local(scene.plan, scene.options):
        made["labels"][VISIBILITY_LABELS[1]] = CLUSTER_LOCAL
    if part.placement.spec:
        annotations = annotations | {SPEC_ANNOTATION: part.placement.spec}
    # Knative takes the annotations of scaling in the template, and nowhere else.
    if kept := {k: v for k, v in annotations.items() if not k.startswith(_AUTOSCALING)}:
        made["annotations"] = kept
    _complete(template, part)
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Service",
        "metadata": made,
        "spec": {"template": template, "traffic": _traffic(scene, part, problems)},
    }


def _complete(template: dict[str, Any], part: Part) -> None:
    """Add to *template* how the component scales, and how long a request may take."""
    component, metadata = part.component, template["metadata"]
    given = metadata.get("annotations") or {}
    asked = {
        k: v for k, v in component.annotations.items() if k.startswith(_AUTOSCALING)
    }
    metadata["annotations"] = {
        **{k: v for k, v in given.items() if k not in _OF_SERVICE},
        **asked,
        **scaling_annotations(component),
    }
    spec = template["spec"]
    if component.concurrency:
        spec["containerConcurrency"] = component.concurrency
    if component.timeout is not None:
        spec["timeoutSeconds"] = int(component.timeout)
        spec["responseStartTimeoutSeconds"] = int(component.timeout)


def _traffic(scene: Scene, part: Part, problems: list[Problem]) -> list[dict[str, Any]]:
    """Return the shares of the newest Revision and of the one rolled out before."""
    percent = scene.plan.canary_percent
    tagged = part.component.annotations.get(_TAGS) == "true"
    older = _older(scene, part)
    known = older.placement.knative.get(part.kind) if older else None
    if percent is None or known is None:
        if percent is not None and older is not None:
            problems.append(_unknown_revision(part))
        return [{"latestRevision": True, "percent": _ALL}]
    shares: list[dict[str, Any]] = [
        {"latestRevision": True, "percent": percent},
        {"revisionName": known, "percent": _ALL - percent},
    ]
    if tagged:
        shares[0]["tag"], shares[1]["tag"] = "latest", "prev"
    return [each for each in shares if each["percent"] or tagged]


def _older(scene: Scene, part: Part) -> Part | None:
    """Return the part of the revision that is not *part*'s own."""
    newest = part.placement.revision.name
    return next(
        (
            each
            for each in scene.parts
            if each.kind == part.kind and each.placement.revision.name != newest
        ),
        None,
    )


def _unknown_revision(part: Part) -> Problem:
    return Problem(
        path=f"{part.path}.canaryTrafficPercent",
        why="it is not known yet which Knative Revision was rolled out before: the "
        "newest gets all requests",
        remedy="wait until its Revision is ready",
    )
