"""The status, as KServe's clients and our own read it."""

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
from inferry_controller.observing import (
    Addresses,
    Facts,
    Problem,
    observe,
    status_document,
)

from inferry.planning import (
    ComponentPlan,
    ModelPlan,
    RevisionPlan,
    RuntimeChoice,
    ServingPlan,
)

ADDRESSES = Addresses(
    url="http://iris-team.example.com",
    address="http://iris-predictor.team.svc.cluster.local",
    components={"predictor": "http://iris-predictor-team.example.com"},
    rest={"predictor": "http://iris-predictor-team.example.com"},
    grpc={"predictor": "grpc://iris-predictor-team.example.com"},
)
BROKEN = looping(22, "ModelCorrupt: cut off\nsave it again")
READY = facts(
    deployments=[deployment()], pods=[pod(ready=True)], routes=[route(*ACCEPTED)]
)
MOMENT = "2026-11-21T20:00:00Z"


def document(
    found: Facts,
    serving: ServingPlan | None = None,
    *weights: int,
    previous: dict[str, Any] | None = None,
    now: str = MOMENT,
    **more: Any,
) -> dict[str, Any]:
    made = serving or plan()
    seats = placements(made, *weights)
    return status_document(
        observe(made, seats, found),
        plan=made,
        placements=seats,
        addresses=ADDRESSES,
        generation=5,
        previous=previous or {},
        now=now,
        **more,
    )


def statuses(told: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in told["conditions"]}


def condition(told: dict[str, Any], kind: str) -> dict[str, str]:
    return next(each for each in told["conditions"] if each["type"] == kind)


def test_a_ready_service_is_ready_in_every_word() -> None:
    told = document(READY)
    assert statuses(told) == {
        "PredictorReady": "True",
        "IngressReady": "True",
        "LatestRevisionReady": "True",
        "Ready": "True",
        "Stopped": "False",
    }
    assert (told["phase"], told["observedGeneration"]) == ("Ready", 5)
    assert told["url"] == "http://iris-team.example.com"
    assert told["address"] == {"url": "http://iris-predictor.team.svc.cluster.local"}
    assert told["modelStatus"] == {
        "states": {"activeModelState": "Loaded", "targetModelState": "Loaded"},
        "transitionStatus": "UpToDate",
        "copies": {"failedCopies": 0, "totalCopies": 1},
    }
    assert "reason" not in told


def test_components_have_urls_revisions_and_shares() -> None:
    history = {"created": NEW, "ready": NEW, "rolled": NEW, "previous": OLD}
    told = document(READY, keep={"history": history, "inputs": "abc"})
    assert told["components"]["predictor"] == {
        "url": "http://iris-predictor-team.example.com",
        "restUrl": "http://iris-predictor-team.example.com",
        "grpcUrl": "grpc://iris-predictor-team.example.com",
        "latestCreatedRevision": NEW,
        "latestReadyRevision": NEW,
        "latestRolledoutRevision": NEW,
        "previousRolledoutRevision": OLD,
        "traffic": [{"revisionName": NEW, "percent": 100, "latestRevision": True}],
    }
    assert told["inferry"]["inputs"] == "abc"


def test_a_failed_service_says_what_and_what_to_do() -> None:
    found = facts(deployments=[deployment()], pods=[pod(server=BROKEN)])
    told = document(found)
    assert (told["phase"], told["reason"]) == ("Failed", "ModelCorrupt")
    assert (told["message"], told["remedy"]) == ("cut off", "save it again")
    assert condition(told, "Ready") == {
        "type": "Ready",
        "status": "False",
        "reason": "ModelCorrupt",
        "message": "cut off; save it again",
        "lastTransitionTime": MOMENT,
    }
    assert told["modelStatus"] == {
        "states": {
            "activeModelState": "FailedToLoad",
            "targetModelState": "FailedToLoad",
        },
        "transitionStatus": "BlockedByFailedLoad",
        "copies": {"failedCopies": 1, "totalCopies": 0},
        "lastFailureInfo": {
            "reason": "ModelLoadFailed",
            "message": "cut off",
            "modelRevisionName": NEW,
            "location": "kserve-container",
            "exitCode": 22,
            "time": MOMENT,
        },
    }


def test_a_new_revision_that_fails_leaves_the_service_ready_and_says_so() -> None:
    pods = [pod("old", revision=OLD, ready=True), pod("new", server=BROKEN)]
    found = facts(deployments=[deployment()], pods=pods, routes=[route(*ACCEPTED)])
    told = document(found)
    assert statuses(told)["Ready"] == "True"
    assert condition(told, "LatestRevisionReady")["reason"] == "ModelCorrupt"
    assert (told["phase"], told["reason"]) == ("Ready", "ModelCorrupt")
    assert told["components"]["predictor"]["traffic"] == [
        {
            "revisionName": OLD,
            "percent": 100,
            "latestRevision": False,
            "tag": "prev",
        }
    ]
    assert [(r["name"], r["phase"], r["percent"]) for r in told["revisions"]] == [
        (OLD, "Ready", 100),
        (NEW, "Failed", 0),
    ]
    assert told["modelStatus"]["states"] == {
        "activeModelState": "Loaded",
        "targetModelState": "FailedToLoad",
    }


def test_nothing_that_stays_the_same_changes_the_document() -> None:
    found = facts(deployments=[deployment()], pods=[pod(server=BROKEN)])
    first = document(found)
    again = document(found, previous=first, now="2026-11-21T21:00:00Z")
    assert again == first


def test_a_condition_that_changes_has_the_time_of_the_change() -> None:
    first = document(facts(deployments=[deployment()], pods=[pod(server=running())]))
    assert (first["phase"], first["reason"]) == ("Loading", "Loading")
    later = document(READY, previous=first, now="2026-11-21T21:00:00Z")
    assert condition(later, "Ready")["lastTransitionTime"] == "2026-11-21T21:00:00Z"
    assert condition(later, "Stopped")["lastTransitionTime"] == MOMENT


def test_a_transformer_and_the_route_gate_ready() -> None:
    made = plan("predictor", "transformer")
    pods = [pod(ready=True), pod("t", component="transformer", ready=True)]
    objects = [deployment(), deployment("transformer")]
    both = facts(deployments=objects, pods=pods, routes=[route(*ACCEPTED)])
    told = document(both, made)
    assert statuses(told)["TransformerReady"] == "True"
    assert statuses(told)["Ready"] == "True"
    alone = facts(deployments=objects, pods=pods[:1], routes=[route(*ACCEPTED)])
    told = document(alone, made)
    assert statuses(told)["PredictorReady"] == "True"
    assert statuses(told)["TransformerReady"] == "Unknown"
    assert statuses(told)["Ready"] == "Unknown"
    told = document(facts(deployments=objects, pods=pods), made)
    assert statuses(told)["IngressReady"] == "Unknown"
    assert (statuses(told)["Ready"], told["reason"]) == ("Unknown", "RouteNotReady")


def test_a_stopped_service_has_no_address_and_says_how_to_start_it() -> None:
    told = document(facts(), plan(stopped=True))
    assert told["phase"] == "Stopped"
    assert statuses(told)["Stopped"] == "True"
    assert not {"url", "components", "modelStatus", "address"} & told.keys()
    assert "serving.kserve.io/stop" in told["remedy"]


def test_what_cannot_be_planned_fails_and_says_why() -> None:
    problem = Problem(
        reason="NoSupportingRuntime", message="nothing serves x", remedy="install it"
    )
    told = status_document(
        observe(None, (), facts()),
        plan=None,
        addresses=Addresses(),
        generation=5,
        previous={},
        now=MOMENT,
        problem=problem,
    )
    assert (told["phase"], told["reason"]) == ("Failed", "NoSupportingRuntime")
    assert (told["message"], told["remedy"]) == ("nothing serves x", "install it")
    assert condition(told, "Ready")["message"] == "nothing serves x; install it"
    assert told["modelStatus"]["transitionStatus"] == "InvalidSpec"
    assert told["modelStatus"]["lastFailureInfo"]["reason"] == "NoSupportingRuntime"


def test_an_edit_that_cannot_be_planned_leaves_what_runs_ready() -> None:
    before = document(READY)
    problem = Problem(reason="InvalidSpec", message="no such field")
    objects = [deployment(revision=OLD)]
    found = facts(
        deployments=objects,
        pods=[pod(revision=OLD, ready=True)],
        routes=[route(*ACCEPTED)],
    )
    told = status_document(
        observe(None, (), found),
        plan=None,
        addresses=Addresses(),
        generation=6,
        previous=before,
        now=MOMENT,
        problem=problem,
    )
    assert statuses(told)["Ready"] == "True"
    assert statuses(told)["LatestRevisionReady"] == "False"
    assert (told["reason"], told["url"]) == ("InvalidSpec", before["url"])
    assert told["components"] == before["components"]
    assert told["observedGeneration"] == 6


def test_named_canaries_have_states_of_their_own() -> None:
    parts = (ComponentPlan(component="predictor"),)
    made = ServingPlan(
        namespace="team",
        name="iris",
        host="",
        path="",
        revisions=(
            RevisionPlan(name=NEW, components=parts),
            RevisionPlan(name="blue", components=parts, variant="blue", percent=10),
        ),
    )
    pods = [
        pod(ready=True),
        pod("b", revision="blue", slot="@blue", server=BROKEN),
    ]
    objects = [deployment(), deployment(revision="blue", slot="@blue")]
    found = facts(deployments=objects, pods=pods, routes=[route(*ACCEPTED)])
    told = document(found, made, 100, 0)
    (canary,) = told["canaryStatuses"]
    assert (canary["name"], canary["ready"], canary["trafficPercent"]) == (
        "blue",
        False,
        0,
    )
    assert canary["modelStatus"]["transitionStatus"] == "BlockedByFailedLoad"
    assert condition(told, "CanaryPredictorReady")["reason"] == "CanariesNotReady"
    assert statuses(told)["Ready"] == "True"


def test_the_runtime_is_told_as_kserve_does() -> None:
    for scope, key in (
        ("namespace", "servingRuntimeName"),
        ("cluster", "clusterServingRuntimeName"),
        ("plugin", "clusterServingRuntimeName"),
    ):
        part = ComponentPlan(
            component="predictor",
            runtime=RuntimeChoice(name="acme", scope=scope, why="it is the only one"),  # type: ignore[arg-type]
            model=ModelPlan(name="iris", format="acme"),
        )
        made = ServingPlan(
            namespace="team",
            name="iris",
            host="",
            path="",
            revisions=(RevisionPlan(name=NEW, components=(part,)),),
        )
        told = document(READY, made)
        assert told[key] == "acme"
        assert told["runtime"]["why"] == "it is the only one"
        assert told["model"] == "iris"


def test_what_somebody_else_wrote_into_the_conditions_is_no_error() -> None:
    told = document(READY, previous={"conditions": [{"type": "Ready", "status": 1}]})
    assert told["phase"] == "Ready"
