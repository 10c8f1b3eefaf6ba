"""What is so of a service, from all its objects."""

from __future__ import annotations

from typing import Any

from cluster_objects import (
    ACCEPTED,
    NEW,
    OLD,
    deployment,
    facts,
    looping,
    placements,
    plan,
    pod,
    route,
    running,
)
from inferry_controller.observing import Facts, Observation, observe

from inferry.planning import ServingPlan, Unhonoured

BROKEN = looping(22, "ModelCorrupt: cut off")
ROUTE = route(*ACCEPTED)


def observed(
    found: Facts, serving: ServingPlan | None = None, *weights: int, **more: Any
) -> Observation:
    made = serving or plan()
    return observe(made, placements(made, *weights), found, **more)


def states(found: Observation) -> dict[str, tuple[str, str]]:
    return {each.name: (each.phase, str(each.reason)) for each in found.revisions}


def test_nothing_is_pending() -> None:
    found = observed(facts())
    assert states(found) == {NEW: ("Pending", "Pending")}
    assert (found.serving, found.ready) == ("", frozenset())


def test_a_revision_is_ready_as_soon_as_one_of_its_pods_is() -> None:
    pods = [pod("a", ready=True), pod("b", server=BROKEN)]
    found = observed(facts(deployments=[deployment(replicas=2)], pods=pods))
    assert states(found) == {NEW: ("Ready", "")}
    assert (found.serving, found.ready) == (NEW, {NEW})
    (part,) = found.components
    assert (part.wanted, part.ready, part.failed) == (2, 1, 1)


def test_an_edit_that_fails_leaves_the_old_pods_serving() -> None:
    pods = [pod("old", revision=OLD, ready=True), pod("new", server=BROKEN)]
    found = observed(facts(deployments=[deployment()], pods=pods, routes=[ROUTE]))
    assert states(found) == {OLD: ("Ready", ""), NEW: ("Failed", "ModelCorrupt")}
    assert (found.serving, found.latest, found.ready) == (OLD, NEW, {OLD})


def test_pods_of_another_slot_do_not_answer_for_it() -> None:
    made = plan(revisions=(NEW, "canary"))
    pods = [pod("c", revision="canary", slot="@canary", ready=True)]
    objects = [deployment(), deployment(revision="canary", slot="@canary")]
    found = observed(facts(deployments=objects, pods=pods), made, 90, 10)
    assert states(found) == {"canary": ("Ready", ""), NEW: ("Pending", "Pending")}
    assert found.serving == "canary"


def test_a_canary_that_fails_takes_nothing_from_the_rest() -> None:
    made = plan(revisions=(NEW, "stable"))
    pods = [
        pod("s", revision="stable", slot="@stable", ready=True),
        pod("n", server=BROKEN),
    ]
    objects = [deployment(), deployment(revision="stable", slot="@stable")]
    found = observed(facts(deployments=objects, pods=pods), made, 0, 100)
    assert found.serving == "stable"
    assert states(found)[NEW] == ("Failed", "ModelCorrupt")


def test_the_worst_component_is_that_of_the_revision() -> None:
    made = plan("predictor", "transformer")
    pods = [
        pod("p", ready=True),
        pod("t", component="transformer", server=BROKEN),
    ]
    objects = [deployment(), deployment("transformer")]
    found = observed(facts(deployments=objects, pods=pods), made)
    assert states(found) == {NEW: ("Failed", "ModelCorrupt")}
    assert found.revisions[0].message == "transformer: cut off"
    assert found.serving == ""


def test_a_refused_pod_is_told_by_its_deployment() -> None:
    status = {
        "conditions": [
            {
                "type": "ReplicaFailure",
                "status": "True",
                "message": "exceeded quota: q, requested: cpu=1, used: cpu=2",
            }
        ]
    }
    found = observed(facts(deployments=[deployment(status=status)]))
    assert states(found) == {NEW: ("Failed", "QuotaExceeded")}


def test_a_server_that_never_answers_its_probe_is_told_at_the_deadline() -> None:
    status = {
        "conditions": [
            {
                "type": "Progressing",
                "status": "False",
                "reason": "ProgressDeadlineExceeded",
            }
        ]
    }
    found = observed(
        facts(deployments=[deployment(status=status)], pods=[pod(server=running())])
    )
    assert states(found) == {NEW: ("Failed", "NotAnswering")}


def test_what_most_pods_have_is_what_is_told() -> None:
    corrupt = [pod(f"c{n}", server=BROKEN) for n in range(2)]
    killed = pod("a", server=looping(137, "", "OOMKilled"))
    found = observed(facts(deployments=[deployment()], pods=[killed, *corrupt]))
    assert states(found) == {NEW: ("Failed", "ModelCorrupt")}


def test_an_evicted_pod_is_history_once_its_successor_was_made_long_after() -> None:
    evicted = pod("e", phase="Failed", reason="Evicted", since="2026-11-21T20:00:00Z")
    soon = pod("s", created="2026-11-21T20:00:05Z")
    late = pod("l", created="2026-11-21T21:00:00Z")
    for successor, state in (
        (soon, ("Failed", "Evicted")),
        (late, ("Loading", "Loading")),
    ):
        found = observed(facts(deployments=[deployment()], pods=[evicted, successor]))
        assert states(found) == {NEW: state}


def test_pods_that_are_going_count_for_nothing() -> None:
    going = pod("g", ready=True)
    going["metadata"]["deletionTimestamp"] = "2026-11-21T20:00:00Z"
    found = observed(facts(deployments=[deployment()], pods=[going]))
    assert states(found) == {NEW: ("Pending", "Pending")}


def test_a_deployment_whose_pods_are_not_known_yet_counts_them_itself() -> None:
    status = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
    found = observed(facts(deployments=[deployment(status=status)]))
    assert states(found) == {NEW: ("Ready", "")}
    stale = {**status, "observedGeneration": 2}
    found = observed(facts(deployments=[deployment(status=stale)]))
    assert states(found) == {NEW: ("Pending", "Pending")}


def test_at_zero_only_knative_holds_requests() -> None:
    found = observed(facts(deployments=[deployment(replicas=0)]))
    assert states(found) == {NEW: ("Pending", "Pending")}
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    knative = deployment(status=status) | {"apiVersion": "serving.knative.dev/v1"}
    from inferry_controller.observing import KNATIVE, project

    found = observed(Facts(deployments=(project(KNATIVE, knative),)))
    assert states(found) == {NEW: ("Ready", "")}


def test_a_field_that_cannot_be_honoured_fails_the_newest_revision() -> None:
    problem = Unhonoured(path="spec.predictor.x", why="no weights", fatal=True)
    found = observed(facts(), problems=(problem,))
    assert states(found) == {NEW: ("Failed", "NotSupportedByBackend")}
    assert found.revisions[0].message == "spec.predictor.x: no weights"


def test_a_service_that_cannot_be_planned_is_what_its_deployments_are() -> None:
    pods = [pod("old", revision=OLD, ready=True)]
    objects = [deployment(revision=OLD)]
    found = observe(None, (), facts(deployments=objects, pods=pods, routes=[ROUTE]))
    assert states(found) == {OLD: ("Ready", "")}
    assert found.serving == OLD


def test_a_stopped_service_has_stopped_revisions() -> None:
    found = observed(facts(deployments=[deployment()]), plan(stopped=True))
    assert states(found) == {NEW: ("Stopped", "")}
    assert (found.components, found.stopped) == ((), True)


def test_how_far_the_fetch_is_comes_from_who_asked_the_pod() -> None:
    fetching = pod("f", storage=running())
    found = facts(deployments=[deployment()], pods=[fetching])
    assert observed(found).fetching == ("f",)
    told = Facts(deployments=found.deployments, pods=found.pods, progress={"f": 0.25})
    (part,) = observed(told).components
    assert (part.phase, part.reason, part.progress) == ("Loading", "Downloading", 0.25)
