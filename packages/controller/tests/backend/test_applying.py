"""What of files is sent to a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

pytest.importorskip("orjson", reason="the extra run is not installed")

from inferry_controller.backend._applying import read

from inferry.errors import InvalidDocument

if TYPE_CHECKING:
    from pathlib import Path

SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: iris
  annotations: {note: "yes", since: 2026-01-01}
spec:
  predictor:
    sklearn: {storageUri: "s3://models/iris"}
"""
RUNTIME = """
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterServingRuntime
metadata: {name: acme}
spec:
  supportedModelFormats: [{name: acme}]
  containers: [{name: kserve-container, image: "acme:1"}]
"""


def test_documents_are_sent_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SERVICE)
    (found,) = read([path], "team")
    assert found["spec"] == {
        "predictor": {"sklearn": {"storageUri": "s3://models/iris"}}
    }
    assert found["metadata"]["namespace"] == "team"
    assert found["metadata"]["annotations"] == {"note": "yes", "since": "2026-01-01"}


def test_a_namespace_that_is_written_stays(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SERVICE.replace("name: iris", "name: iris\n  namespace: own"))
    (found,) = read([path], "team")
    assert found["metadata"]["namespace"] == "own"


def test_a_kind_of_the_cluster_gets_none(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(RUNTIME)
    (found,) = read([path], "team")
    assert "namespace" not in found["metadata"]


def test_items_of_a_list_and_later_documents_are_found(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    indented = SERVICE.strip().replace("\n", "\n    ")
    items = f"apiVersion: v1\nkind: List\nitems:\n  - {indented}\n"
    path.write_text(f"---\n---\n{items}---\n{RUNTIME}")
    assert [each["metadata"]["name"] for each in read([path], "team")] == [
        "iris",
        "acme",
    ]


def test_what_a_server_wrote_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SERVICE + "status: {url: http://iris}\n")
    (found,) = read([path], "team")
    assert "status" not in found


def test_every_problem_of_every_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(SERVICE.replace("storageUri", "storageUrl"))
    with pytest.raises(InvalidDocument) as refused:
        read([path], "team")
    assert any("storageUrl" in each for each in refused.value.problems)
