"""What of files is sent to a cluster."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("orjson", reason="the extra run is not installed")

from inferry_controller.backend._applying import apply, read

from inferry.errors import InvalidDocument

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


def test_what_the_server_wrote_into_a_file_is_not_sent_back(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    printed = "name: iris\n  uid: abc\n  generation: 3\n  creationTimestamp: 2026-01-01"
    path.write_text(SERVICE.replace("name: iris", printed))
    (found,) = read([path], "team")
    assert found["metadata"].keys() == {"name", "annotations", "namespace"}


def test_problems_of_standard_input_are_told_as_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"kind: [")))
    with pytest.raises(InvalidDocument) as raised:
        read([Path("-")], "team")
    assert str(raised.value.problems[0]).startswith("<stdin>:")


class Server:
    """Knows one object, and takes what is applied."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.applied: list[dict[str, Any]] = []

    async def find(self, _kind: object, _namespace: str, name: str) -> Any:
        return {"metadata": {"name": name}} if name in self.names else None

    async def apply(self, document: dict[str, Any], **_: object) -> dict[str, Any]:
        self.applied.append(document)
        return document


@pytest.mark.parametrize(("there", "kept"), [((), False), (("iris",), True)])
async def test_a_version_counts_only_where_the_object_still_is(
    tmp_path: Path, there: tuple[str, ...], *, kept: bool
) -> None:
    """What was printed, deleted and applied again comes back."""
    path = tmp_path / "s.yaml"
    path.write_text(SERVICE.replace("name: iris", "name: iris\n  resourceVersion: '7'"))
    server: Any = Server(*there)

    await apply(server, read([path], "team"))

    assert {"resourceVersion" in each["metadata"] for each in server.applied} == {kept}
