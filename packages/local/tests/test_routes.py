"""What clients are told of a service that has no replica for them."""

from __future__ import annotations

from typing import Any, cast

import pytest

from inferry.planning import ComponentPlan, RevisionPlan, ServingPlan
from inferry_local.channel import Link
from inferry_local.messages import Hello, State
from inferry_local.records import Failure, ReplicaRecord, RevisionRecord, ServiceRecord
from inferry_local.routes import gateway_service
from inferry_local.status import service_status

DESCRIBE = "`inferry describe iris -n team`"
FAILURE = Failure(reason="ModelCorrupt", message="/home/ada/m/model.onnx is no ONNX")


def record(*, stopped: bool = False, failure: Failure | None = None) -> ServiceRecord:
    component = ComponentPlan(component="predictor")
    plan = ServingPlan(
        namespace="team",
        name="iris",
        host="iris-team.example.com",
        path="/serving/team/iris",
        revisions=(RevisionPlan(name="abc", components=(component,)),),
        stopped=stopped,
    )
    return ServiceRecord(plan=plan, document={}, failure=failure)


@pytest.mark.parametrize(
    ("service", "in_full", "expected"),
    [
        (record(), True, "team/iris is not ready yet"),
        (record(stopped=True, failure=FAILURE), True, "team/iris is stopped"),
        (
            record(failure=FAILURE),
            True,
            "team/iris failed with ModelCorrupt: /home/ada/m/model.onnx is no ONNX",
        ),
        (
            record(failure=FAILURE),
            False,
            f"team/iris failed with ModelCorrupt; {DESCRIBE} tells why where it runs",
        ),
    ],
)
def test_paths_are_told_on_loopback_only(
    service: ServiceRecord, *, in_full: bool, expected: str
) -> None:
    assert gateway_service(service, in_full=in_full).unavailable == expected


@pytest.mark.parametrize("failure", [None, FAILURE])
def test_a_service_that_answers_is_busy_at_most(failure: Failure | None) -> None:
    service = record(failure=failure)
    revision = RevisionRecord(plan=service.plan.revisions[0], application="a")
    revision.replicas["r"] = ReplicaRecord(
        link=Link(Hello(application="a", replica="r", pid=1), cast("Any", None)),
        port=1,
        state=State(name="iris", phase="Ready"),
    )
    service.revisions["abc"] = revision
    assert gateway_service(service, in_full=True).unavailable == ""


def test_replicas_that_answer_grpc_are_routed_to_by_both_ports() -> None:
    service = record()
    revision = RevisionRecord(plan=service.plan.revisions[0], application="a")
    revision.replicas["r"] = ReplicaRecord(
        link=Link(Hello(application="a", replica="r", pid=1), cast("Any", None)),
        port=5001,
        grpc_port=5002,
        state=State(name="iris", phase="Ready", unhonoured=("x: why",)),
    )
    service.revisions["abc"], service.traffic["abc"] = revision, 100
    (target,) = gateway_service(service, in_full=True).targets
    assert [(e.port, e.grpc_port) for e in target.endpoints] == [(5001, 5002)]
    status = service_status(service, "http://127.0.0.1:8080")
    assert (status.grpc, status.unhonoured) == ("127.0.0.1:8080", ("x: why",))
