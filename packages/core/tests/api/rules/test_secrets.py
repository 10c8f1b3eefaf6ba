from __future__ import annotations

import pytest

from inferry.api import Secret, ServiceAccount, loads, to_dict

SECRET = """
apiVersion: v1
kind: Secret
metadata:
  name: minio
  annotations: {serving.kserve.io/s3-endpoint: "minio:9000"}
type: Opaque
data: {AWS_ACCESS_KEY_ID: QUs=}
stringData: {AWS_SECRET_ACCESS_KEY: hunter2}
"""
ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: sa}
secrets: [{name: minio}]
imagePullSecrets: [{name: pull}]
"""


def test_a_secret_and_a_service_account_are_read() -> None:
    loaded = loads(f"{SECRET}---{ACCOUNT}")
    assert loaded.problems == ()
    secret, account = (each.document for each in loaded.documents)
    assert isinstance(secret, Secret)
    assert secret.value_names() == ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
    assert isinstance(account, ServiceAccount)
    assert account.secrets == [{"name": "minio"}]


def test_a_secret_never_shows_a_value() -> None:
    (located,) = loads(SECRET).documents
    assert "hunter2" not in repr(located)
    assert "QUs=" not in repr(located)


def test_a_secret_is_written_back_whole() -> None:
    (located,) = loads(SECRET).documents
    assert to_dict(located.document)["stringData"] == {
        "AWS_SECRET_ACCESS_KEY": "hunter2"
    }


@pytest.mark.parametrize(
    ("lines", "path", "words"),
    [
        ("data: {k: 'hunter2!'}", "data.k", "is no base64"),
        ("data: {k: 4711471147}", "data.k", "must be text, but YAML reads it as"),
        ("stringData: {k: 4711471147}", "stringData.k", "quote it"),
        ("stringData: {k: [hunter2]}", "stringData.k", "must be text"),
        ("data: hunter2", "data", "must be a mapping"),
        ("data: {'a b': QUs=}", "data[a b]", "is no key"),
        ("password: hunter2", "password", "unknown field"),
    ],
)
def test_a_broken_secret_is_told_without_its_values(
    lines: str, path: str, words: str
) -> None:
    head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
    (problem,) = loads(f"{head}{lines}\n").problems
    assert (problem.path, problem.severity) == (path, "error")
    assert words in problem.message
    assert "hunter2" not in str(problem)
    assert "4711" not in str(problem)


def test_a_secret_that_no_cluster_would_take_is_refused() -> None:
    head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
    (problem,) = loads(f"{head}stringData: {{k: {'x' * (2**21 + 1)}}}\n").problems
    assert "more than 1 MiB" in problem.message


def test_an_entry_of_an_account_names_a_secret() -> None:
    text = ACCOUNT.replace("[{name: minio}]", "[minio]")
    (problem,) = loads(text).problems
    assert problem.path == "secrets[0]"


def test_a_wrong_version_is_told() -> None:
    (problem,) = loads(SECRET.replace("apiVersion: v1", "apiVersion: v1beta1")).problems
    assert problem.message == "is 'v1beta1'; write 'v1' for a Secret"
