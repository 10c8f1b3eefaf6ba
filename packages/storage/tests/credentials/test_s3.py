from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.storage import Secret, Unauthenticated

if TYPE_CHECKING:
    from pathlib import Path

URI = "s3://bucket/model"
PAIR = {"AWS_ACCESS_KEY_ID": "AK", "AWS_SECRET_ACCESS_KEY": "hunter2"}
ACCOUNT = Secret(name="sa", kind="ServiceAccount", lists=("minio",))


def minio(**annotations: str) -> Secret:
    return Secret(
        name="minio",
        data=PAIR,
        annotations={f"serving.kserve.io/s3-{k}": v for k, v in annotations.items()},
    )


def test_a_secret_of_the_service_account_answers(ask: Any) -> None:
    found = ask("s3", URI, secrets=(ACCOUNT, minio()), service_account="sa")
    assert (found.rung, found.detail) == ("service-account", "secret 'minio'")
    assert found.values == PAIR


def test_the_account_default_is_asked_where_none_is_named(ask: Any) -> None:
    account = Secret(name="default", kind="ServiceAccount", lists=("minio",))
    assert ask("s3", URI, secrets=(account, minio())).rung == "service-account"


def test_a_secret_that_nothing_names_is_not_used(ask: Any) -> None:
    assert ask("s3", URI, secrets=(minio(),)).rung == "ambient"


def test_an_annotated_secret_comes_alone(ask: Any) -> None:
    other = Secret(name="other", data={**PAIR, "AWS_ACCESS_KEY_ID": "OTHER"})
    secrets = (ACCOUNT, minio(endpoint="no"), other)
    found = ask("s3", URI, secrets=secrets, service_account="sa", named=("other",))
    assert (found.rung, found.detail) == ("secret", "secret 'other'")
    assert found.values == other.data


def test_the_older_names_of_keys_are_read(ask: Any) -> None:
    old = Secret(
        name="minio", data={"awsAccessKeyID": "AK", "awsSecretAccessKey": "hunter2"}
    )
    found = ask("s3", URI, secrets=(ACCOUNT, old), service_account="sa")
    assert found.values == PAIR


def test_keys_that_the_settings_rename_are_read(ask: Any) -> None:
    own = Secret(name="minio", data={"user": "AK", "pass": "hunter2"})
    found = ask(
        "s3",
        URI,
        secrets=(ACCOUNT, own),
        service_account="sa",
        settings={
            "s3_access_key_id_name": "user",
            "s3_secret_access_key_name": "pass",
        },
    )
    assert found.values == PAIR


@pytest.mark.parametrize(
    ("annotations", "endpoint"),
    [
        ({"endpoint": "minio:9000"}, "https://minio:9000"),
        ({"endpoint": "minio:9000", "usehttps": "0"}, "http://minio:9000"),
        ({"endpoint": "minio:9000", "usehttps": "true"}, "https://minio:9000"),
        ({"endpoint": "http://minio:9000/"}, "http://minio:9000"),
        ({"endpoint": "http://minio", "usehttps": "1"}, "http://minio"),
        ({"endpoint": "HTTPS://minio", "usehttps": "0"}, "HTTPS://minio"),
    ],
)
def test_the_endpoint_is_whole(
    ask: Any, annotations: dict[str, str], endpoint: str
) -> None:
    found = ask(
        "s3", URI, secrets=(ACCOUNT, minio(**annotations)), service_account="sa"
    )
    assert found.values["S3_ENDPOINT"] == endpoint
    assert found.values["AWS_ENDPOINT_URL"] == endpoint


def test_annotations_win_over_keys_and_keys_over_the_environment(ask: Any) -> None:
    secret = Secret(
        name="minio",
        data={**PAIR, "AWS_DEFAULT_REGION": "key", "S3_USER_VIRTUAL_BUCKET": "True"},
        annotations={"serving.kserve.io/s3-region": "annotation"},
    )
    environ = {
        "AWS_DEFAULT_REGION": "environment",
        "S3_USER_VIRTUAL_BUCKET": "false",
        "S3_VERIFY_SSL": "0",
        "S3_READ_TIMEOUT": "7",
    }
    found = ask(
        "s3", URI, secrets=(ACCOUNT, secret), service_account="sa", environ=environ
    )
    assert found.values == {
        **PAIR,
        "AWS_DEFAULT_REGION": "annotation",
        "S3_USER_VIRTUAL_BUCKET": "true",
        "S3_VERIFY_SSL": "false",
        "S3_READ_TIMEOUT": "7",
    }


def test_the_endpoint_of_keys_that_are_not_used_is_not_used(ask: Any) -> None:
    account = Secret(name="sa", kind="ServiceAccount", lists=("minio", "second"))
    second = Secret(name="second", data={**PAIR, "S3_ENDPOINT": "other"})
    found = ask("s3", URI, secrets=(account, minio(), second), service_account="sa")
    assert found.values == PAIR


@pytest.mark.parametrize("absent", sorted(PAIR))
def test_half_a_pair_is_refused_by_name(ask: Any, absent: str) -> None:
    environ = {k: v for k, v in PAIR.items() if k != absent}
    with pytest.raises(Unauthenticated, match=rf"and no {absent}") as caught:
        ask("s3", URI, environ=environ)
    assert caught.value.rung == "environment"
    assert "hunter2" not in str(caught.value)


def test_the_environment_answers(ask: Any) -> None:
    found = ask("s3", URI, environ={**PAIR, "AWS_SESSION_TOKEN": "t"})
    assert (found.rung, found.detail) == ("environment", "AWS_ACCESS_KEY_ID")
    assert found.values == {**PAIR, "AWS_SESSION_TOKEN": "t"}


def test_a_mounted_secret_answers(ask: Any) -> None:
    ask.mount("minio", **PAIR, S3_ENDPOINT="minio:9000\n")
    found = ask("s3", URI)
    assert found.rung == "mounted"
    assert found.values["S3_ENDPOINT"] == "https://minio:9000"


def test_of_mounted_secrets_only_the_named_one_answers(ask: Any) -> None:
    ask.mount("minio", **PAIR)
    ask.mount("other", AWS_ACCESS_KEY_ID="o", AWS_SECRET_ACCESS_KEY="o")
    assert ask("s3", URI, named=("minio",)).values == PAIR


@pytest.mark.parametrize("yes", ["true", "True", "1"])
def test_anonymous_is_asked_for_by_an_annotation(ask: Any, yes: str) -> None:
    secret = minio(useanoncredential=yes, endpoint="minio")
    found = ask("s3", URI, secrets=(ACCOUNT, secret), service_account="sa")
    assert found.rung == "anonymous"
    assert found.values["awsAnonymousCredential"] == "true"
    assert "AWS_ACCESS_KEY_ID" not in found.values
    assert found.values["S3_ENDPOINT"] == "https://minio"


@pytest.mark.parametrize(
    "asked",
    [
        {"settings": {"anonymous": True}},
        {"parameters": {"anonymous": "true"}},
        {"environ": {"awsAnonymousCredential": "True"}},
    ],
)
def test_anonymous_is_asked_for(ask: Any, asked: dict[str, Any]) -> None:
    assert ask("s3", URI, **asked).rung == "anonymous"


def test_nothing_found_is_never_anonymous(ask: Any) -> None:
    found = ask("s3", URI)
    assert (found.rung, found.detail) == ("ambient", "metadata server (not asked)")
    assert found.values == {}


def test_a_web_identity_answers(ask: Any) -> None:
    token = ask.write("token", "jwt")
    environ = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(token), "AWS_ROLE_ARN": "arn:x"}
    found = ask("s3", URI, environ=environ)
    assert (found.rung, found.values) == ("ambient", environ)


def test_the_role_may_be_the_account_s(ask: Any) -> None:
    account = Secret(
        name="sa",
        kind="ServiceAccount",
        annotations={"eks.amazonaws.com/role-arn": "arn:y"},
    )
    environ = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(ask.write("token", "jwt"))}
    found = ask("s3", URI, environ=environ, secrets=(account,), service_account="sa")
    assert found.values["AWS_ROLE_ARN"] == "arn:y"


def test_a_token_file_that_is_not_there_is_named(ask: Any, tmp_path: Path) -> None:
    environ = {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "no"),
        "AWS_ROLE_ARN": "arn:x",
    }
    with pytest.raises(Unauthenticated, match="AWS_WEB_IDENTITY_TOKEN_FILE"):
        ask("s3", URI, environ=environ)


def test_a_token_without_a_role_is_refused(ask: Any) -> None:
    environ = {"AWS_WEB_IDENTITY_TOKEN_FILE": str(ask.write("token", "jwt"))}
    with pytest.raises(Unauthenticated, match="no AWS_ROLE_ARN"):
        ask("s3", URI, environ=environ)


def test_the_identity_of_a_pod_answers(ask: Any) -> None:
    environ = {
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://169.254.170.23/v1/credentials",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token",
    }
    found = ask("s3", URI, environ=environ)
    assert (found.rung, found.values) == ("ambient", environ)


def test_a_bundle_of_authorities_is_named(ask: Any) -> None:
    bundle = str(ask.write("ca.pem", "PEM"))
    found = ask("s3", URI, environ={**PAIR, "AWS_CA_BUNDLE": bundle})
    assert found.values["CA_BUNDLE"] == bundle


def test_the_bundle_that_kserve_mounts_is_named(ask: Any) -> None:
    bundle = ask.write("certs/cabundle.crt", "PEM")
    environ = {
        "CA_BUNDLE_CONFIGMAP_NAME": "ca",
        "CA_BUNDLE_VOLUME_MOUNT_POINT": str(bundle.parent),
    }
    assert ask("s3", URI, environ=environ).values["CA_BUNDLE"] == str(bundle)


def test_a_bundle_that_is_not_there_is_refused(ask: Any, tmp_path: Path) -> None:
    with pytest.raises(Unauthenticated, match="AWS_CA_BUNDLE"):
        ask("s3", URI, environ={"AWS_CA_BUNDLE": str(tmp_path / "no.pem")})
