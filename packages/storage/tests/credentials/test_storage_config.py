from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from inferry.storage import InvalidUri, NotAllowed, Secret, Source, Unauthenticated
from inferry_storage.credentials import located

S3 = {
    "type": "s3",
    "bucket": "models",
    "endpoint_url": "http://minio:9000",
    "region": "us-east-1",
    "access_key_id": "AK",
    "secret_access_key": "hunter2",
}
VALUES = {
    "AWS_ACCESS_KEY_ID": "AK",
    "AWS_SECRET_ACCESS_KEY": "hunter2",
    "AWS_DEFAULT_REGION": "us-east-1",
    "S3_ENDPOINT": "http://minio:9000",
    "AWS_ENDPOINT_URL": "http://minio:9000",
}


def config(name: str = "storage-config", **entries: Any) -> Secret:
    texts = {k: v if isinstance(v, str) else json.dumps(v) for k, v in entries.items()}
    return Secret(name=name, data=texts)


def place(ask: Any, uri: str = "storage-config:///a/b", **more: Any) -> str:
    """Return the URI that a symbolic one stands for."""
    given = {name: more.pop(name) for name in ("environ", "secrets") if name in more}
    source = located(
        Source(uri=uri, **more),
        settings=ask.settings(),
        home=ask.home,
        **{"environ": {}, **given},
    )
    return source.uri


def test_the_entry_of_the_key_answers(ask: Any) -> None:
    found = ask("s3", "s3://models/a", secrets=(config(minio=S3),), storage_key="minio")
    assert found.rung == "storage-key"
    assert found.detail == "key 'minio' of secret 'storage-config'"
    assert found.values == VALUES


def test_the_key_comes_before_everything_else(ask: Any) -> None:
    environ = {"AWS_ACCESS_KEY_ID": "other", "AWS_SECRET_ACCESS_KEY": "other"}
    found = ask(
        "s3",
        "s3://models/a",
        secrets=(config(minio=S3),),
        storage_key="minio",
        environ=environ,
    )
    assert found.values == VALUES


def test_parameters_win_over_the_entry(ask: Any) -> None:
    found = ask(
        "s3",
        "s3://models/a",
        secrets=(config(minio=S3),),
        storage_key="minio",
        parameters={"region": "eu-west-1"},
    )
    assert found.values["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_a_pod_has_the_entry_in_variables(ask: Any) -> None:
    environ = {
        "STORAGE_CONFIG": json.dumps(S3),
        "STORAGE_OVERRIDE_CONFIG": '{"region": "eu-west-1"}',
    }
    found = ask("s3", "s3://models/a", environ=environ)
    assert (found.rung, found.detail) == ("storage-key", "STORAGE_CONFIG")
    assert found.values["AWS_DEFAULT_REGION"] == "eu-west-1"


def test_a_mounted_secret_has_the_entry(ask: Any) -> None:
    ask.mount("storage-config", minio=json.dumps(S3))
    found = ask("s3", "s3://models/a", storage_key="minio")
    assert found.values == VALUES


def test_the_entry_that_says_where_also_says_who_asks(ask: Any) -> None:
    """A pod knows no key: it is the default one of the mounted secret."""
    ask.mount("storage-config", default=json.dumps(S3))
    source = Source(uri="storage-config:///a/b")
    found = located(source, settings=ask.settings(), environ={}, home=ask.home)
    assert (found.uri, found.storage_key) == ("s3://models/a/b", "default")


def test_an_annotation_names_another_secret(ask: Any) -> None:
    secrets = (config("mine", minio=S3), config(minio="no JSON"))
    found = ask(
        "s3", "s3://models/a", secrets=secrets, storage_key="minio", named=("mine",)
    )
    assert found.detail == "key 'minio' of secret 'mine'"


@pytest.mark.parametrize(
    ("entries", "parameters", "uri"),
    [
        ({"default": S3}, {}, "s3://models/a/b"),
        ({"default": S3}, {"bucket": "other"}, "s3://other/a/b"),
        (
            {"default_s3": S3, "default": {"type": "gs", "bucket": "g"}},
            {"type": "s3"},
            "s3://models/a/b",
        ),
        ({"default": {"type": "hdfs"}}, {}, "hdfs://a/b"),
        ({"default": {"type": "gs", "bucket": "g"}}, {}, "gs://g/a/b"),
    ],
)
def test_the_store_is_what_the_entry_says(
    ask: Any, entries: dict[str, Any], parameters: dict[str, str], uri: str
) -> None:
    assert place(ask, secrets=(config(**entries),), parameters=parameters) == uri


def test_a_key_may_stand_in_the_uri(ask: Any) -> None:
    secrets = (config(minio=S3),)
    assert place(ask, "storage-config://minio/a%20b", secrets=secrets) == (
        "s3://models/a b"
    )


def test_another_uri_is_left_alone(ask: Any) -> None:
    assert place(ask, "s3://b/m", storage_key="nowhere") == "s3://b/m"


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"bucket": "b"}, "unable to determine the storage type"),
        ({"type": "ftp", "bucket": "b"}, "storage type of .* is 'ftp'"),
        ({"type": "s3"}, "s3 needs a bucket"),
    ],
)
def test_an_entry_that_names_no_place_is_refused(
    ask: Any, entry: dict[str, str], words: str
) -> None:
    with pytest.raises(InvalidUri, match=words):
        place(ask, secrets=(config(default=entry),))


@pytest.mark.parametrize("text", ["hunter2", '"hunter2"', "null", "{"])
def test_an_entry_that_is_no_json_is_named(ask: Any, text: str) -> None:
    with pytest.raises(Unauthenticated, match="invalid JSON in key 'k' of") as caught:
        place(ask, secrets=(config(k=text),), storage_key="k")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["STORAGE_CONFIG", "STORAGE_OVERRIDE_CONFIG"])
def test_a_variable_that_is_no_json_is_named(ask: Any, name: str) -> None:
    with pytest.raises(Unauthenticated, match=f"invalid JSON in {name}") as caught:
        ask("s3", "s3://b/m", environ={name: "hunter2"})
    assert "hunter2" not in str(caught.value)


def test_a_key_that_is_not_there_names_those_that_are(ask: Any) -> None:
    with pytest.raises(Unauthenticated, match="its keys are minio") as caught:
        place(ask, secrets=(config(minio=S3),), storage_key="nokey")
    assert "storage key 'nokey' is not in secret 'storage-config'" in str(caught.value)


def test_a_secret_that_is_not_there_is_named(ask: Any) -> None:
    with pytest.raises(Unauthenticated, match=r"'storage-config' .* is not here"):
        place(ask, storage_key="minio")


def test_half_a_pair_of_an_entry_is_refused(ask: Any) -> None:
    entry = {"type": "s3", "bucket": "b", "secret_access_key": "hunter2"}
    with pytest.raises(Unauthenticated, match="no AWS_ACCESS_KEY_ID") as caught:
        ask("s3", "s3://b/m", secrets=(config(k=entry),), storage_key="k")
    assert "key 'k' of secret 'storage-config'" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("yes", [True, "true", "True"])
def test_an_entry_asks_for_no_credentials(ask: Any, yes: object) -> None:
    entry = {"type": "s3", "bucket": "b", "anonymous": yes}
    found = ask("s3", "s3://b/m", secrets=(config(k=entry),), storage_key="k")
    assert found.rung == "anonymous"


@pytest.mark.parametrize("name", ["HDFS_NAMENODE", "USER_PROXY", "TLS_SKIP_VERIFY"])
def test_a_service_does_not_send_the_secret_elsewhere(ask: Any, name: str) -> None:
    entry = {"type": "hdfs", "HDFS_NAMENODE": "https://node"}
    with pytest.raises(NotAllowed, match=f"may not set {name}"):
        ask(
            "hdfs",
            "hdfs://a",
            secrets=(config(k=entry),),
            storage_key="k",
            parameters={name: "https://evil.example"},
        )


def test_parameters_of_a_pod_are_those_of_its_service(ask: Any) -> None:
    """Backends distrust an endpoint that they find among them."""
    override = {"endpoint_url": "https://other.example", "anonymous": True}
    source = located(
        Source(uri="s3://b/m", parameters={"region": " r\n"}),
        settings=ask.settings(),
        environ={"STORAGE_OVERRIDE_CONFIG": json.dumps(override)},
        home=ask.home,
    )
    assert source.parameters == {
        "endpoint_url": "https://other.example",
        "anonymous": "true",
        "region": "r",
    }


def test_a_pod_s_service_does_not_send_the_secret_elsewhere(ask: Any) -> None:
    environ = {
        "STORAGE_CONFIG": '{"type": "hdfs", "HEADERS": "{}"}',
        "STORAGE_OVERRIDE_CONFIG": '{"HDFS_NAMENODE": "https://evil.example"}',
    }
    with pytest.raises(NotAllowed, match="may not set HDFS_NAMENODE"):
        ask("hdfs", "hdfs://a", environ=environ)


@pytest.mark.parametrize(
    "parameter",
    [
        {"verify_ssl": "false"},
        {"verify_ssl": False},
        {"verify_ssl": "0"},
        {"ca_bundle": "/tmp/mine.pem"},
    ],
)
def test_a_service_says_not_whose_certificates_its_operator_trusts(
    ask: Any, parameter: dict[str, Any]
) -> None:
    where = {"secrets": (config(minio=S3),), "storage_key": "minio"}
    with pytest.raises(NotAllowed, match=r"storage.parameters may not"):
        ask("s3", "s3://models/a", parameters=parameter, **where)
    environ = {"STORAGE_OVERRIDE_CONFIG": json.dumps(parameter)}
    with pytest.raises(NotAllowed, match=r"storage.parameters may not"):
        ask("s3", "s3://models/a", environ=environ, **where)
    stricter = ask("s3", "s3://models/a", parameters={"verify_ssl": "true"}, **where)
    assert stricter.values["S3_VERIFY_SSL"] == "true"


def test_files_of_an_hdfs_entry_are_base64(ask: Any) -> None:
    entry = {
        "type": "hdfs",
        "HDFS_NAMENODE": "https://node",
        "KERBEROS_PRINCIPAL": "me@REALM",
        "KERBEROS_KEYTAB": base64.b64encode(b"\x05\x02\xff").decode(),
    }
    found = ask("hdfs", "hdfs://a", secrets=(config(k=entry),), storage_key="k")
    keytab = found.values["KERBEROS_KEYTAB"].encode("utf-8", "surrogateescape")
    assert (found.rung, keytab) == ("storage-key", b"\x05\x02\xff")


def test_a_file_that_is_no_base64_is_named(ask: Any) -> None:
    entry = {"type": "hdfs", "HDFS_NAMENODE": "n", "KERBEROS_KEYTAB": "hunter2!"}
    with pytest.raises(Unauthenticated, match="KERBEROS_KEYTAB in key 'k'") as caught:
        ask("hdfs", "hdfs://a", secrets=(config(k=entry),), storage_key="k")
    assert "hunter2" not in str(caught.value)


def test_a_google_entry_has_its_key_as_base64(ask: Any) -> None:
    key = json.dumps(
        {"type": "service_account", "client_email": "a@b", "private_key": "x"}
    )
    encoded = base64.b64encode(key.encode()).decode()
    entry = {"type": "gs", "bucket": "b", "base64_service_account": encoded}
    found = ask("gs", "gs://b/m", secrets=(config(k=entry),), storage_key="k")
    assert found.values == {"gcloud-application-credentials.json": key}


@pytest.mark.parametrize(
    "uri", ["storage-config://me:hunter2@h/m", "storage-config://["]
)
def test_a_key_that_no_secret_can_have_is_not_repeated(ask: Any, uri: str) -> None:
    with pytest.raises(InvalidUri, match="does not name a key") as caught:
        place(ask, uri)
    assert "hunter2" not in str(caught.value)
