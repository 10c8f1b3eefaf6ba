"""KServe's table of secrets, applied to names alone."""

from __future__ import annotations

import pytest

from inferry.storage import (
    KeyReference,
    SecretMount,
    annotation_environment,
    entry_environment,
    secret_environment,
)


def reference(key: str) -> KeyReference:
    return KeyReference(secret="s", key=key)


def test_keys_of_s3_are_references() -> None:
    keys = ("awsAccessKeyID", "AWS_SECRET_ACCESS_KEY", "S3_ENDPOINT", "unrelated")
    assert secret_environment("s", keys).variables == {
        "AWS_ACCESS_KEY_ID": reference("awsAccessKeyID"),
        "AWS_SECRET_ACCESS_KEY": reference("AWS_SECRET_ACCESS_KEY"),
        "S3_ENDPOINT": reference("S3_ENDPOINT"),
    }


@pytest.mark.parametrize(
    ("annotations", "variables"),
    [
        (
            {"endpoint": "minio:9000", "usehttps": "0"},
            {
                "S3_ENDPOINT": "minio:9000",
                "AWS_ENDPOINT_URL": "http://minio:9000",
                "S3_USE_HTTPS": "0",
            },
        ),
        (
            {"endpoint": "https://minio/", "usehttps": "0"},
            {
                "S3_ENDPOINT": "https://minio/",
                "AWS_ENDPOINT_URL": "https://minio",
                "S3_USE_HTTPS": "0",
            },
        ),
        (
            {"endpoint": "minio"},
            {"S3_ENDPOINT": "minio", "AWS_ENDPOINT_URL": "https://minio"},
        ),
        (
            {
                "region": "r",
                "verifyssl": "0",
                "usevirtualbucket": "true",
                "useaccelerate": "true",
                "useanoncredential": "true",
                "cabundle": "/ca.crt",
                "cabundle-configmap": "ca",
            },
            {
                "AWS_DEFAULT_REGION": "r",
                "S3_VERIFY_SSL": "0",
                "S3_USER_VIRTUAL_BUCKET": "true",
                "S3_USE_ACCELERATE": "true",
                "awsAnonymousCredential": "true",
                "AWS_CA_BUNDLE": "/ca.crt",
                "AWS_CA_BUNDLE_CONFIGMAP": "ca",
            },
        ),
    ],
)
def test_annotations_are_literals(
    annotations: dict[str, str], variables: dict[str, str]
) -> None:
    given = {f"serving.kserve.io/s3-{k}": v for k, v in annotations.items()}
    assert annotation_environment(given) == variables


def test_an_annotation_wins_over_a_key() -> None:
    annotations = {"serving.kserve.io/s3-region": "annotated"}
    found = secret_environment("s", ("AWS_DEFAULT_REGION",), annotations)
    assert found.variables == {"AWS_DEFAULT_REGION": "annotated"}


@pytest.mark.parametrize(
    ("key", "mount", "variable"),
    [
        (
            "gcloud-application-credentials.json",
            SecretMount(secret="s", path="/var/secrets"),
            "GOOGLE_APPLICATION_CREDENTIALS",
        ),
        (
            "HDFS_NAMENODE",
            SecretMount(secret="s", path="/var/secrets/kserve-hdfscreds"),
            "HDFS_SECRET_DIR",
        ),
        (
            ".dockerconfigjson",
            SecretMount(
                secret="s",
                path="/mnt/oci-fetch-auth",
                items={".dockerconfigjson": "config.json"},
            ),
            "KSERVE_OCI_DOCKER_CONFIG",
        ),
        (
            "https-host",
            SecretMount(secret="s", path="/var/secrets/inferry/s"),
            "INFERRY_STORAGE__SECRETS_DIR",
        ),
    ],
)
def test_files_are_mounted_and_pointed_at(
    key: str, mount: SecretMount, variable: str
) -> None:
    found = secret_environment("s", (key,))
    assert found.mounts == (mount,)
    assert list(found.variables) == [variable]
    assert str(found.variables[variable]).startswith(("/var/secrets", mount.path))


@pytest.mark.parametrize(
    ("key", "variable"),
    [
        ("AZ_CLIENT_ID", "AZURE_CLIENT_ID"),
        ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_SECRET"),
        ("AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_ACCESS_KEY"),
        ("AZURE_ACCESS_EXPIRES_ON_SECONDS", "AZURE_ACCESS_EXPIRES_ON_SECONDS"),
        ("HF_TOKEN", "HF_TOKEN"),
        ("MODELSCOPE_API_TOKEN", "MODELSCOPE_API_TOKEN"),
        ("GIT_PASSWORD", "GIT_PASSWORD"),
    ],
)
def test_other_keys_are_references_by_kserve_s_names(key: str, variable: str) -> None:
    assert secret_environment("s", (key,)).variables == {variable: reference(key)}


def test_an_entry_of_storage_config_is_a_reference() -> None:
    found = entry_environment("storage-config", "minio", {"bucket": "b", "a": "c"})
    assert found.variables == {
        "STORAGE_CONFIG": KeyReference(secret="storage-config", key="minio"),
        "STORAGE_OVERRIDE_CONFIG": '{"a": "c", "bucket": "b"}',
    }
    assert list(entry_environment("s", "k", {}).variables) == ["STORAGE_CONFIG"]
