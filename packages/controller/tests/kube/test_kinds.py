from __future__ import annotations

import pytest
from inferry_controller.kube import kinds
from inferry_controller.kube.errors import Invalid


def test_a_path_has_group_namespace_name_and_subresource() -> None:
    assert kinds.INFERENCE_SERVICE.path("models", "iris", "status") == (
        "/apis/serving.kserve.io/v1beta1"
        "/namespaces/models/inferenceservices/iris/status"
    )
    assert kinds.POD.path() == "/api/v1/pods"
    assert kinds.NODE.path("ignored", "a") == "/api/v1/nodes/a"


@pytest.mark.parametrize("name", ["..", "."])
def test_a_name_cannot_climb_out_of_its_place(name: str) -> None:
    with pytest.raises(Invalid, match="is no name"):
        kinds.POD.path("default", name)


def test_a_name_is_one_segment_whatever_it_holds() -> None:
    assert kinds.POD.path("default", "a/../b?x=1#") == (
        "/api/v1/namespaces/default/pods/a%2F..%2Fb%3Fx%3D1%23"
    )


def test_a_document_tells_its_kind() -> None:
    assert kinds.kind_of({"apiVersion": "apps/v1", "kind": "Deployment"}) is (
        kinds.DEPLOYMENT
    )
    with pytest.raises(Invalid, match="apps/v7 Deployment is not a known kind"):
        kinds.kind_of({"apiVersion": "apps/v7", "kind": "Deployment"})


def test_kinds_of_one_name_are_told_apart_by_their_group() -> None:
    assert kinds.KINDS["v1", "Event"] is kinds.EVENT_V1
    assert kinds.KINDS["events.k8s.io/v1", "Event"] is kinds.EVENT
    assert str(kinds.KNATIVE_SERVICE) == "services.serving.knative.dev"
