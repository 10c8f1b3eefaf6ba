"""`inferry run` serves models of a real S3 server, with KServe's own documents."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
from storage.servers import KEY, SECRET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from running import Running
    from storage.servers import Store

INPUT = {"instances": [[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]]}
WRONG = "wrong-secret-4711"
SERVICE = """\
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
  annotations: {{{annotations}}}
spec:
  predictor:
    {predictor}
    model:
      modelFormat: {{name: sklearn}}
      {model}
"""
# As in KServe's documentation of S3.
SECRET_AND_ACCOUNT = """\
---
apiVersion: v1
kind: Secret
metadata:
  name: {name}
  annotations:
    serving.kserve.io/s3-endpoint: {host}
    serving.kserve.io/s3-usehttps: "0"
    serving.kserve.io/s3-region: us-east-1
    serving.kserve.io/s3-useanoncredential: "false"
type: Opaque
stringData:
  AWS_ACCESS_KEY_ID: {key}
  AWS_SECRET_ACCESS_KEY: {secret}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {name}-account
secrets:
- name: {name}
"""


@pytest.fixture
def bucket(seaweedfs: Store, iris_folder: Path) -> str:
    """Return a bucket that holds the iris model below ``models/iris``."""
    data = (iris_folder / "model.skops").read_bytes()
    return seaweedfs.filled({"model.skops": data}, "models/iris/")


@pytest.fixture
def start(
    run: Callable[..., Running], tmp_path: Path
) -> Callable[..., tuple[Running, Path]]:
    """Return a function that writes a file and serves it, with a bare home."""

    def serve(*documents: str, **environment: str) -> tuple[Running, Path]:
        file = tmp_path / "service.yaml"
        file.write_text("".join(documents))
        home = tmp_path / "home"
        home.mkdir()
        running = run(str(file), HOME=str(home), **environment)
        return running, file

    return serve


def service(name: str, model: str, predictor: str = "", annotations: str = "") -> str:
    return SERVICE.format(
        name=name, model=model, predictor=predictor, annotations=annotations
    )


def secret(seaweedfs: Store, name: str, value: str = SECRET) -> str:
    host = seaweedfs.url.removeprefix("http://")
    return SECRET_AND_ACCOUNT.format(name=name, host=host, key=KEY, secret=value)


def entry(seaweedfs: Store, **more: str) -> dict[str, Any]:
    """Return an entry of the secret storage-config."""
    return {
        "type": "s3",
        "endpoint_url": seaweedfs.url,
        "access_key_id": KEY,
        "secret_access_key": SECRET,
        "region": "us-east-1",
        **more,
    }


def predicted(running: Running, name: str) -> Any:
    assert running.wait(name, "Ready", "Failed")["phase"] == "Ready"
    answer = running.post(f"/serving/default/{name}/v1/models/{name}:predict", INPUT)
    assert answer.status_code == 200, answer.text
    return answer.json()["predictions"]


def test_secrets_of_the_file_open_the_bucket(
    start: Callable[..., tuple[Running, Path]], seaweedfs: Store, bucket: str
) -> None:
    """By service account, by annotation, and by storage.key, each its own way."""
    uri = f"storageUri: s3://{bucket}/models/iris"
    config = json.dumps(entry(seaweedfs, bucket=bucket))
    encoded = base64.b64encode(config.encode()).decode()
    running, file = start(
        service("by-account", uri, "serviceAccountName: minio-account"),
        service("by-annotation", uri, "", "serving.kserve.io/storageSecretName: other"),
        service("by-key", "storage: {key: minio, path: models/iris}"),
        service("wrong", uri, "serviceAccountName: bad-account"),
        secret(seaweedfs, "minio"),
        secret(seaweedfs, "other"),
        secret(seaweedfs, "bad", WRONG),
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: storage-config}\n"
        f"data: {{minio: {encoded}}}\n",
    )
    for name in ("by-account", "by-annotation", "by-key"):
        assert predicted(running, name) == [0, 2]
    failed = running.wait("wrong", "Failed")
    assert "secret 'bad'" in failed["message"] + failed.get("remedy", "")
    shown = running.command("validate", str(file)).stdout
    shown += running.command("explain", str(file)).stdout
    shown += running.command("describe", "by-key").stdout
    shown += running.command("get", "-A", "-o", "json").stdout + running.log.read_text()
    assert "storage-config" in shown
    for value in (SECRET, WRONG, encoded):
        assert value not in shown


def test_a_pickle_needs_one_consent(
    start: Callable[..., tuple[Running, Path]], seaweedfs: Store
) -> None:
    """That of the service: its model is then not looked through for code."""
    import pickle

    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    bucket = seaweedfs.filled({"model.pkl": pickle.dumps(model)}, "m/")
    account = "serviceAccountName: minio-account"
    allowed = f'storageUri: s3://{bucket}/m\n      args: ["--allowPickle=true"]'
    running, _ = start(
        service("allowed", allowed, account),
        service("refused", f"storageUri: s3://{bucket}/m", account),
        secret(seaweedfs, "minio"),
    )
    assert running.wait("allowed", "Ready", "Failed")["phase"] == "Ready"
    refused = running.wait("refused", "Ready", "Failed")
    assert (refused["phase"], refused["reason"]) == ("Failed", "StorageUnsafe")


def test_an_entry_in_the_environment_opens_the_bucket(
    start: Callable[..., tuple[Running, Path]], seaweedfs: Store, bucket: str
) -> None:
    """As in a pod: STORAGE_CONFIG is the entry, parameters and another variable win."""
    storage = f"{{key: minio, path: models/iris, parameters: {{bucket: {bucket}}}}}"
    running, _ = start(
        service("by-key", f"storage: {storage}"),
        STORAGE_CONFIG=json.dumps(entry(seaweedfs, bucket="another")),
        STORAGE_OVERRIDE_CONFIG=json.dumps({"region": "us-east-1"}),
    )
    assert predicted(running, "by-key") == [0, 2]


def test_a_key_that_is_nowhere_says_so(
    start: Callable[..., tuple[Running, Path]],
) -> None:
    running, _ = start(service("lost", "storage: {key: nokey, path: models/iris}"))
    failed = running.wait("lost", "Failed")
    assert failed["reason"] == "StorageAccessDenied"
    assert "'storage-config' of storage key 'nokey' is not here" in failed["message"]
