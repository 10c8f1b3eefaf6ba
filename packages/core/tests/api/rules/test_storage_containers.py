from __future__ import annotations

from json import dumps
from typing import Any

import pytest

from inferry.api import ClusterStorageContainer, loads, to_dict

CONTAINER = {"name": "storage-initializer", "image": "example.com/fetch:v1"}


def text(**spec: Any) -> str:
    given = {"container": CONTAINER, "supportedUriFormats": [{"prefix": "abc://"}]}
    return dumps(
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": "ClusterStorageContainer",
            "metadata": {"name": "abc"},
            "disabled": True,
            "spec": given | spec,
        }
    )


def test_a_storage_container_is_read_and_written_back() -> None:
    found = loads(text()).documents[0].document
    assert isinstance(found, ClusterStorageContainer)
    assert found.disabled
    assert found.metadata.namespace == ""
    assert found.spec.download_container == CONTAINER
    written = to_dict(found)
    assert written["spec"]["container"] == CONTAINER
    assert "namespace" not in written["metadata"]
    assert loads(dumps(written)).documents[0].document == found


@pytest.mark.parametrize(
    ("spec", "path", "words"),
    [
        ({"container": {"name": "a"}}, "container.image", "is required"),
        ({"container": {"image": "a"}}, "container.name", "is required"),
        (
            {"container": CONTAINER | {"imagePolicy": "Always"}},
            "container.imagePolicy",
            "unknown field",
        ),
        (
            {"container": CONTAINER | {"env": [{"name": "PYTHONPATH", "value": "a"}]}},
            "container.env[0]",
            "foreign code",
        ),
        ({"supportedUriFormats": []}, "supportedUriFormats", "is required"),
        ({"supportedUriFormats": [{}]}, "supportedUriFormats[0]", "give one"),
        ({"workloadType": "job"}, "workloadType", "none of"),
    ],
)
def test_what_no_storage_container_may_be_is_told(
    spec: dict[str, Any], path: str, words: str
) -> None:
    (found,) = loads(text(**spec)).problems
    assert found.path == f"spec.{path}"
    assert words in found.message


def test_a_regular_expression_of_another_language_is_a_warning() -> None:
    loaded = loads(text(supportedUriFormats=[{"regex": "(?<a"}]))
    assert loaded.errors == ()
    assert [each.path for each in loaded.warnings] == [
        "spec.supportedUriFormats[0].regex"
    ]
