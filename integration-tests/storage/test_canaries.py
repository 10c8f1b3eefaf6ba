"""Secrets are planted everywhere; nothing that anybody reads shows one.

The server tells everything that it was sent, as a badly made or a bad one would.
"""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import logging
import threading
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import msgspec
import pytest

from inferry.config import load_settings
from inferry.plugins import load_plugins
from inferry.storage import Secret, Source
from inferry_storage import fetch_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from running import Running

_STATUSES = (400, 401, 403, 404, 500)


class Telltale(http.server.BaseHTTPRequestHandler):
    """Answers with an error that repeats the whole request."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        sent = f"{self.requestline}\n{self.headers}\n{self.rfile.read(length)!r}"
        decoded = [sent, *_decoded(self.headers.get("Authorization", ""))]
        body = json.dumps({"error": decoded, "message": decoded}).encode()
        count = next(self.server.counter)  # type: ignore[attr-defined]
        self.send_response(_STATUSES[count % len(_STATUSES)])
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Error-Message", decoded[-1].replace("\n", " ")[:500])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_POST = do_GET  # noqa: N815 - named by http.server

    def log_message(self, *_: object) -> None:
        pass


def _decoded(header: str) -> Iterator[str]:
    kind, _, value = header.partition(" ")
    if kind == "Basic":
        yield base64.b64decode(value).decode()


@pytest.fixture(scope="module")
def telltale() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Telltale)
    server.counter = iter(range(10**9))  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


class Plant(msgspec.Struct, kw_only=True):
    """Where one secret is planted; ``{url}`` and ``{host}`` are the server's."""

    uri: str
    environ: dict[str, str] = {}
    secret: dict[str, str] = {}
    files: dict[str, str] = {}
    source: dict[str, Any] = {}


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def docker(**entry: str) -> dict[str, str]:
    return {".dockerconfigjson": json.dumps({"auths": {"{host}": entry}})}


S3 = "s3://bucket/model"
AT = {"AWS_ENDPOINT_URL": "{url}", "AWS_DEFAULT_REGION": "us-east-1"}
AZ = "az://container/model"
AZ_AT = {"AZURE_SERVICE_URL": "{url}/acct", "AZURE_ACCOUNT_NAME": "acct"}
PRINCIPAL = {
    "AZURE_CLIENT_ID": "i",
    "AZURE_TENANT_ID": "t",
    "AZURE_AUTHORITY_HOST": "{url}",
}
GS_AT = {"STORAGE_EMULATOR_HOST": "{url}"}
NODE = {"HDFS_NAMENODE": "{url}"}
OCI = "oci://{host}/team/model:v1"
GIT = "git+http://{host}/team/model.git"
ADC = ".config/gcloud/application_default_credentials.json"


def account(key: str) -> str:
    return json.dumps(
        {"type": "service_account", "client_email": "a@b", "private_key": key}
    )


def plants(it: str) -> dict[str, Plant]:
    """Return every place of a secret, each with the canary *it* in it."""
    entry = {
        "type": "s3",
        "bucket": "b",
        "access_key_id": "AK",
        "endpoint_url": "{url}",
    }
    full = json.dumps({**entry, "secret_access_key": it})
    pair = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": it}
    keys = f"[default]\naws_access_key_id=AK\naws_secret_access_key={it}\n"
    user = {"type": "authorized_user", "client_id": "i", "client_secret": it}
    header = json.dumps({"Authorization": f"Bearer {it}"})
    return {
        "web: password": Plant(uri=f"http://me:{it}@{{host}}/m.onnx"),
        "web: user": Plant(uri=f"http://{it}@{{host}}/m.onnx"),
        "web: query": Plant(uri=f"{{url}}/m.onnx?token={it}"),
        "web: presigned": Plant(uri=f"{{url}}/m.onnx?X-Amz-Signature={it}&x=1"),
        "web: fragment": Plant(uri=f"{{url}}/m.onnx#{it}"),
        "web: header of a secret": Plant(
            uri="{url}/m.onnx", secret={"https-host": "127.0.0.1", "headers": header}
        ),
        "web: header of a variable": Plant(
            uri="{url}/m.onnx", environ={"127.0.0.1-headers": header}
        ),
        "web: broken headers": Plant(
            uri="{url}/m.onnx", secret={"https-host": "127.0.0.1", "headers": it}
        ),
        "web: netrc": Plant(
            uri="{url}/m.onnx",
            files={".netrc": f"machine 127.0.0.1 login me password {it}\n"},
        ),
        "web: no such scheme": Plant(uri=f"ftp://me:{it}@{{host}}/m?sig={it}"),
        "web: no URI": Plant(uri=f"http://me:{it}@[broken/m?sig={it}"),
        "s3: secret": Plant(uri=S3, environ=AT, secret=pair),
        "s3: variable": Plant(uri=S3, environ={**AT, **pair}),
        "s3: session": Plant(
            uri=S3,
            environ={
                **AT,
                "AWS_ACCESS_KEY_ID": "AK",
                "AWS_SECRET_ACCESS_KEY": "SK",
                "AWS_SESSION_TOKEN": it,
            },
        ),
        "s3: half a pair": Plant(uri=S3, environ={"AWS_SECRET_ACCESS_KEY": it}),
        "s3: profile": Plant(uri=S3, environ=AT, files={".aws/credentials": keys}),
        "s3: broken profile": Plant(
            uri=S3, environ=AT, files={".aws/credentials": f"{it}\n"}
        ),
        "s3: STORAGE_CONFIG": Plant(uri=S3, environ={"STORAGE_CONFIG": full}),
        "s3: STORAGE_OVERRIDE_CONFIG": Plant(
            uri=S3,
            environ={
                "STORAGE_CONFIG": json.dumps(entry),
                "STORAGE_OVERRIDE_CONFIG": json.dumps({"secret_access_key": it}),
            },
        ),
        "s3: broken STORAGE_CONFIG": Plant(uri=S3, environ={"STORAGE_CONFIG": it}),
        "s3: storage key": Plant(
            uri="storage-config://k/m", secret={"k": full}, source={"storage_key": "k"}
        ),
        "s3: broken storage key": Plant(
            uri="storage-config://k/m", secret={"k": f'{{"a": {it}'}
        ),
        "s3: query": Plant(uri=f"{S3}?versionId={it}", environ={**AT, **pair}),
        "azure: signature": Plant(uri=f"{AZ}?sv=1&sig={it}", environ=AZ_AT),
        "azure: signature as key": Plant(
            uri=AZ,
            secret={"AZURE_STORAGE_ACCESS_KEY": f"?sv=1&sig={it}", **AZ_AT},
        ),
        "azure: key": Plant(
            uri=AZ, environ={**AZ_AT, "AZURE_STORAGE_ACCESS_KEY": encoded(it)}
        ),
        "azure: broken key": Plant(
            uri=AZ, environ={**AZ_AT, "AZURE_STORAGE_ACCESS_KEY": f"!{it}"}
        ),
        "azure: principal": Plant(
            uri=AZ, environ={**AZ_AT, **PRINCIPAL, "AZURE_CLIENT_SECRET": it}
        ),
        "azure: token": Plant(uri=AZ, environ={**AZ_AT, "AZURE_ACCESS_TOKEN": it}),
        "azure: connection": Plant(
            uri=AZ,
            environ={
                "AZURE_STORAGE_CONNECTION_STRING": f"AccountName=acct;AccountKey={it}"
                ";BlobEndpoint={url}/acct"
            },
        ),
        "azure: federated": Plant(
            uri=AZ,
            environ={**AZ_AT, **PRINCIPAL, "AZURE_FEDERATED_TOKEN_FILE": "{home}/jwt"},
            files={"jwt": it},
        ),
        "azure: half a principal": Plant(uri=AZ, secret={"AZ_CLIENT_SECRET": it}),
        "gs: key": Plant(
            uri="gs://b/m",
            environ=GS_AT,
            secret={"gcloud-application-credentials.json": account(it)},
        ),
        "gs: broken key": Plant(
            uri="gs://b/m", secret={"gcloud-application-credentials.json": it}
        ),
        "gs: login": Plant(
            uri="gs://b/m",
            environ=GS_AT,
            files={ADC: json.dumps({**user, "refresh_token": it})},
        ),
        "hf: variable": Plant(
            uri="hf://o/m", environ={"HF_ENDPOINT": "{url}", "HF_TOKEN": it}
        ),
        "hf: secret": Plant(
            uri="hf://o/m", environ={"HF_ENDPOINT": "{url}"}, secret={"HF_TOKEN": it}
        ),
        "hf: login": Plant(
            uri="hf://o/m",
            environ={"HF_ENDPOINT": "{url}"},
            files={".cache/huggingface/token": it},
        ),
        "oci: login": Plant(uri=OCI, secret=docker(auth=encoded(f"me:{it}"))),
        "oci: password": Plant(uri=OCI, secret=docker(username="me", password=it)),
        "oci: identity": Plant(uri=OCI, secret=docker(identitytoken=it)),
        "oci: token": Plant(uri=OCI, secret=docker(registrytoken=it)),
        "oci: broken login": Plant(uri=OCI, secret=docker(auth=it)),
        "oci: login at home": Plant(
            uri=OCI,
            files={
                ".docker/config.json": docker(username="m", password=it)[
                    ".dockerconfigjson"
                ]
            },
        ),
        "git: variable": Plant(uri=GIT, environ={"GIT_PASSWORD": it}),
        "git: secret": Plant(uri=GIT, secret={"username": "me", "password": it}),
        "git: URI": Plant(uri=GIT.replace("//", f"//me:{it}@")),
        "git: login": Plant(
            uri=GIT, files={".git-credentials": f"http://me:{it}@127.0.0.1\n"}
        ),
        "hdfs: header": Plant(uri="webhdfs://m", secret={**NODE, "HEADERS": header}),
        "hdfs: broken header": Plant(uri="webhdfs://m", secret={**NODE, "HEADERS": it}),
        "hdfs: keytab": Plant(
            uri="webhdfs://m",
            secret={**NODE, "KERBEROS_PRINCIPAL": "me@R", "KERBEROS_KEYTAB": it},
        ),
        "hdfs: key": Plant(
            uri="webhdfs://m", secret={**NODE, "TLS_CERT": "c", "TLS_KEY": it}
        ),
        "hdfs: storage key": Plant(
            uri="storage-config://k/m",
            secret={"k": json.dumps({"type": "hdfs", **NODE, "HEADERS": header})},
            source={"storage_key": "k"},
        ),
    }


PLACES = sorted(plants(""))


def test_there_are_as_many_places_as_promised() -> None:
    assert len(PLACES) >= 40


@pytest.mark.parametrize("place", PLACES)
async def test_a_fetch_shows_no_secret(
    request: pytest.FixtureRequest, place: str, telltale: str, tmp_path: Path
) -> None:
    """Neither errors and their tracebacks, nor logs, events and reprs."""
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    caplog: pytest.LogCaptureFixture = request.getfixturevalue("caplog")
    capfd: pytest.CaptureFixture[str] = request.getfixturevalue("capfd")
    canary = f"canary{uuid4().hex}"
    plant = plants(canary)[place]
    words = {
        "{url}": telltale,
        "{host}": telltale.removeprefix("http://"),
        "{home}": str(tmp_path),
    }

    def filled(text: str) -> str:
        for word, value in words.items():
            text = text.replace(word, value)
        return text

    for name, text in plant.files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(filled(text))
        path.chmod(0o600)
    for name, value in _surroundings(tmp_path, telltale).items():
        monkeypatch.setenv(name, value)
    for name, value in plant.environ.items():
        monkeypatch.setenv(name, filled(value))
    data = {name: filled(value) for name, value in plant.secret.items()}
    source = Source(
        uri=filled(plant.uri),
        secrets=("planted",),
        pull_secrets=("planted",),
        **plant.source,
    )
    caplog.set_level(logging.DEBUG)
    settings = load_settings()
    shown: list[object] = [source]
    try:
        await fetch_model(
            source,
            plugins=load_plugins("cli", settings),
            settings=settings,
            on_progress=lambda each: shown.append(msgspec.json.encode(each)),
            secrets=(Secret(name="planted", data=data),),
        )
    except Exception as error:  # noqa: BLE001 - whatever it is, it is shown
        shown += [error, repr(error), getattr(error, "remedy", "")]
        shown += traceback.format_exception(error)
    else:
        pytest.fail("nothing can be fetched here")
    shown += [caplog.text, *capfd.readouterr()]
    text = "\n".join(str(each) for each in shown)
    for form in (canary, encoded(canary), encoded(f"me:{canary}"), quote(canary)):
        assert form not in text


def _surroundings(home: Path, telltale: str) -> dict[str, str]:
    return {
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / ".cache"),
        "AWS_EC2_METADATA_DISABLED": "true",
        "INFERRY_STORAGE__ALLOW_HTTP": "true",
        "INFERRY_STORAGE__ALLOW_NETWORKS": "127.0.0.0/8",
        "INFERRY_STORAGE__ENDPOINTS": telltale,
        "INFERRY_STORAGE__DEADLINE_SECONDS": "3",
        "KSERVE_OCI_INSECURE_REGISTRY": "true",
    }


DOCUMENTS = """\
apiVersion: v1
kind: Secret
metadata:
  name: minio
  annotations:
    serving.kserve.io/s3-endpoint: {host}
    serving.kserve.io/s3-usehttps: "0"
    kubectl.kubernetes.io/last-applied-configuration: '{{"data": "{it}"}}'
stringData: {{AWS_ACCESS_KEY_ID: AK, AWS_SECRET_ACCESS_KEY: {it}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: storage-config}}
data: {{k: {entry}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: sa}}
secrets: [{{name: minio}}]
"""
SERVICE = """\
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {{name: {name}}}
spec:
  predictor:
    serviceAccountName: sa
    model:
      modelFormat: {{name: sklearn}}
      env: [{{name: HF_TOKEN, value: {it}}}]
      {model}
"""
MODELS = {
    "bucket": "storageUri: s3://bucket/m",
    "key": "storage: {{key: k, path: m}}",
    "presigned": "storageUri: https://me:{it}@127.0.0.1/m?X-Amz-Signature={it}",
    "signed": "storageUri: https://a.blob.core.windows.net/c/m?sv=1&sig={it}",
}


def test_a_run_shows_no_secret_of_its_documents(
    run: Callable[..., Running], telltale: str, tmp_path: Path
) -> None:
    """Neither validate, explain, describe, get, events, logs nor any file it leaves."""
    it = f"canary{uuid4().hex}"
    host = telltale.removeprefix("http://")
    fields = {"type": "s3", "bucket": "b", "secret_access_key": it}
    fields |= {"access_key_id": "AK", "endpoint_url": telltale}
    entry = encoded(json.dumps(fields))
    text = DOCUMENTS.format(it=it, host=host, entry=entry)
    for name, model in MODELS.items():
        text += SERVICE.format(name=name, it=it, model=model.format(it=it))
    file = tmp_path / "service.yaml"
    file.write_text(text)
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace(entry, f'"{it}!"').replace("AK", f"[{it}]", 1))
    running = run(
        *(str(file), "--output", "json", "--log-level", "debug"),
        HOME=str(tmp_path),
        INFERRY_DEBUG="1",
    )
    said = [running.command("validate", str(each)) for each in (file, broken)]
    said += [
        running.command("explain", str(file)),
        running.command("explain", str(file), "-o", "json"),
        running.command("explain", str(broken)),
    ]
    for name in MODELS:
        running.wait(name, "Failed")
        said.append(running.command("describe", name))
        said.append(running.command("logs", name))
    said.append(running.command("get", "-A", "-o", "json"))
    said.append(running.command("get", "-A", "-o", "yaml"))
    said.append(running.command("apply", "-f", str(file)))
    said.append(running.command("apply", "-f", str(broken)))
    assert said[0].returncode == 0, said[0]
    assert said[1].returncode == 1
    shown = "".join(each.stdout + each.stderr for each in said)
    running.stop()
    shown += running.log.read_text(errors="replace")
    assert "minio" in shown
    for form in (it, encoded(it), entry):
        assert form not in shown
    for path in tmp_path.rglob("*"):
        if path not in {file, broken} and path.is_file():
            with contextlib.suppress(OSError):
                assert it.encode() not in path.read_bytes(), path
