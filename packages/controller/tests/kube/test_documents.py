from __future__ import annotations

import json

import pytest
from inferry_controller.kube.documents import decoded, document, key_of, paged, stripped
from inferry_controller.kube.errors import Unavailable
from inferry_controller.kube.kinds import POD


def test_a_page_holds_its_objects_undecoded() -> None:
    body = {
        "kind": "PodList",
        "metadata": {"resourceVersion": "7", "continue": "abc"},
        "items": [{"metadata": {"name": "a"}}],
    }
    page = paged(json.dumps(body).encode())
    assert page.metadata.resource_version == "7"
    assert page.metadata.continue_ == "abc"
    assert document(POD, page.items[0]) == {
        "metadata": {"name": "a"},
        "apiVersion": "v1",
        "kind": "Pod",
    }


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"'])
def test_what_is_no_answer_of_an_api_server_is_said_so(body: bytes) -> None:
    with pytest.raises(Unavailable, match="is it an API server"):
        decoded(body)
    with pytest.raises(Unavailable, match="is it an API server"):
        paged(body)


def test_a_stored_document_has_no_managed_fields() -> None:
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}
    obj = {
        "metadata": {
            "name": "x",
            "managedFields": [{"manager": "kubectl"}],
            "annotations": annotations,
        },
        "spec": {"list": ["a", 1, {"k": None}]},
    }
    assert stripped(obj) == {
        "metadata": {"name": "x", "annotations": {"a": "b"}},
        "spec": {"list": ["a", 1, {"k": None}]},
    }


def test_equal_strings_of_two_documents_are_one() -> None:
    one, two = (
        stripped(json.loads('{"metadata":{"name":"n"},"spec":["some text"]}'))
        for _ in range(2)
    )
    assert one["spec"][0] is two["spec"][0]


def test_an_object_without_a_namespace_has_an_empty_one() -> None:
    assert key_of({"metadata": {"name": "node"}}) == ("", "node")
