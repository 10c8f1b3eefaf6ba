from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from inferry.api import loads

if TYPE_CHECKING:
    from typing import Any

GOOD = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: iris}
spec: {predictor: {sklearn: {storageUri: s3://b/m}}}
"""


def doc(version: Any, kind: Any, **fields: Any) -> Any:
    return json.dumps({"apiVersion": version, "kind": kind} | fields)


@pytest.mark.parametrize(
    ("text", "path", "words", "suggestion"),
    [
        ("", "", "holds no document", ""),
        ("---\n---\n", "", "holds no document", ""),
        ("hello", "", "not the text 'hello'", ""),
        ("- 1\n", "", "not a list", ""),
        ("kind: InferenceService\n", "apiVersion", "is required", ""),
        ("apiVersion: v1\n", "kind", "is required", ""),
        ("apiVersion: 1\nkind: x\n", "apiVersion", "must be text", ""),
        (
            doc("serving.kserve.io/v1alpha2", "InferenceService"),
            "apiVersion",
            "write 'serving.kserve.io/v1beta1'",
            "",
        ),
        (
            doc("serving.kubeflow.org/v1beta1", "InferenceService"),
            "apiVersion",
            "write 'serving.kserve.io/v1beta1'",
            "",
        ),
        (
            doc("serving.kserve.io/v1beta1", "ServingRuntime"),
            "apiVersion",
            "write 'serving.kserve.io/v1alpha1'",
            "",
        ),
        (
            doc("serving.kserve.io/v1beta1", "InferenceServce"),
            "kind",
            "which is none of",
            "InferenceService",
        ),
        (
            doc("serving.kserve.io/v1alpha1", "LocalModelCache"),
            "kind",
            "does not read yet",
            "",
        ),
        (doc("nonsense!", "Pod"), "kind", "which is none of", ""),
    ],
)
def test_what_is_no_document_of_ours_is_told(
    text: str, path: str, words: str, suggestion: str
) -> None:
    loaded = loads(text)

    problem = loaded.problems[0]
    assert (problem.path, problem.severity) == (path, "error")
    assert words in problem.message
    assert problem.suggestion == suggestion
    assert loaded.documents == ()


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("v1", "ConfigMap"),
        ("acme.io/v1", "Secret"),
        ("v1", "PersistentVolumeClaim"),
        ("apps/v1", "Deployment"),
        ("serving.knative.dev/v1", "Service"),
        ("keda.sh/v1alpha1", "ScaledObject"),
    ],
)
def test_another_kind_is_ignored_by_name(version: str, kind: str) -> None:
    loaded = loads(doc(version, kind, metadata={"name": "x"}) + "\n---\n" + GOOD)

    (problem,) = loaded.problems
    assert problem.severity == "warning"
    assert problem.message.startswith(f"{kind} x is ignored")
    assert len(loaded.documents) == 1


def test_a_typing_error_in_a_kind_is_no_foreign_kind() -> None:
    (problem,) = loads(doc("v1", "InferenceServise")).problems

    assert (problem.severity, problem.suggestion) == ("error", "InferenceService")


def test_a_list_is_unfolded() -> None:
    item = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "iris"},
        "spec": {"predictor": {"sklearn": {"storageUri": "s3://b/m"}}},
        "status": {"url": "http://x"},
    }
    bad = item | {"metadata": {"name": "bad"}, "spec": {"predictr": {}}}

    loaded = loads(doc("v1", "List", items=[item, bad], metadata={}))

    assert [each.document.metadata.name for each in loaded.documents] == ["iris"]
    assert [each.path for each in loaded.problems] == [
        "items[1].spec.predictor",
        "items[1].spec.predictr",
    ]


def test_a_problem_is_told_at_the_line_and_key_of_the_file() -> None:
    text = (
        GOOD
        + "---\n"
        + GOOD.replace("iris", "b").replace(
            "storageUri: s3://b/m", "\n  storageUri: s3:/b"
        )
    )

    (problem,) = loads(text, file="service.yaml").problems

    assert str(problem) == (
        "service.yaml:10:3: error: spec.predictor.sklearn.storageUri: "
        "'s3:/b' lacks slashes after s3:; did you mean 's3://b'?"
    )


def test_a_duplicate_key_spoils_its_own_document_only() -> None:
    text = GOOD + "---\n" + GOOD.replace("iris", "b") + "kind: InferenceService\n"

    loaded = loads(text)

    assert [each.document.metadata.name for each in loaded.documents] == ["iris"]
    assert "stands twice" in loaded.problems[0].message


def test_a_syntax_error_leaves_the_documents_around_it() -> None:
    text = GOOD + "---\na: b: c\n---\n" + GOOD.replace("iris", "b")

    loaded = loads(text)

    names = [each.document.metadata.name for each in loaded.documents]
    assert names == ["iris", "b"]
    assert len(loaded.problems) == 1
    assert loaded.problems[0].line == 6


def test_origins_say_where_a_document_stands() -> None:
    loaded = loads(GOOD + "---\n" + GOOD.replace("iris", "b"), file="f")

    origins = [
        (each.origin.file, each.origin.index, each.origin.line)
        for each in loaded.documents
    ]
    assert origins == [("f", 0, 1), ("f", 1, 6)]


def test_a_name_is_required() -> None:
    (problem,) = loads(GOOD.replace("name: iris", "generateName: iris-")).problems

    assert (problem.path, problem.message) == ("metadata.name", "is required")
