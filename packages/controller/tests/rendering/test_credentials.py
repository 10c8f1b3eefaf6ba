"""What a fetch opens a store with: Secrets by name, and nothing of what is in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as some
from inferry_controller.options import RenderOptions
from inferry_controller.rendering.credentials import Access, access
from inferry_controller.rendering.surroundings import (
    NOTHING_KNOWN,
    AccountFacts,
    SecretFacts,
    Surroundings,
)

from inferry.storage import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from conftest import Bench

OPTIONS = RenderOptions()


def opened(
    *sources: Source, around: Surroundings = NOTHING_KNOWN, foreign: bool = False
) -> Access:
    return access(sources, OPTIONS, around, foreign=foreign)


def values(env: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {
        each["name"]: each.get("value") or each["valueFrom"]["secretKeyRef"]
        for each in env
    }


def folders(found: Access) -> dict[str, dict[str, Any]]:
    """Return the Secret of each mounted folder."""
    secrets = {each["name"]: each["secret"] for each in found.volumes}
    return {each["mountPath"]: secrets[each["name"]] for each in found.mounts}


def test_a_store_without_secrets_needs_nothing() -> None:
    assert opened(Source(uri="s3://b/m")) == Access()


def test_a_named_secret_is_a_folder_that_must_be_there() -> None:
    """The kubelet then says that it is missing, by its name."""
    found = opened(Source(uri="s3://b/m", secrets=("minio.prod",)))
    assert folders(found) == {
        "/var/secrets/inferry/minio.prod": {"secretName": "minio.prod"}
    }
    assert values(found.env) == {"INFERRY_STORAGE__SECRETS_DIR": "/var/secrets/inferry"}


def test_secrets_of_the_account_may_be_absent() -> None:
    around = Surroundings(
        accounts={"me": AccountFacts(name="me", secrets=("one", "two"))}
    )
    found = opened(Source(uri="gs://b/m", service_account="me"), around=around)
    assert folders(found) == {
        "/var/secrets/inferry/one": {"secretName": "one", "optional": True},
        "/var/secrets/inferry/two": {"secretName": "two", "optional": True},
    }


def test_without_an_account_it_is_the_default_one() -> None:
    around = Surroundings(
        accounts={"default": AccountFacts(name="default", secrets=("one",))}
    )
    assert "/var/secrets/inferry/one" in folders(
        opened(Source(uri="s3://b/m"), around=around)
    )


def test_a_named_secret_comes_alone() -> None:
    around = Surroundings(
        accounts={"default": AccountFacts(name="default", secrets=("one",))}
    )
    found = opened(Source(uri="s3://b/m", secrets=("mine",)), around=around)
    assert list(folders(found)) == ["/var/secrets/inferry/mine"]


def test_annotations_of_an_account_say_where_the_store_is() -> None:
    annotations = {
        "serving.kserve.io/s3-endpoint": "minio:9000",
        "serving.kserve.io/s3-usehttps": "0",
    }
    account = AccountFacts(name="me", annotations=annotations)
    found = opened(
        Source(uri="s3://b/m", service_account="me"),
        around=Surroundings(accounts={"me": account}),
    )
    told = values(found.env)
    assert told["S3_ENDPOINT"] == "minio:9000"
    assert told["AWS_ENDPOINT_URL"] == "http://minio:9000"


def test_annotations_of_a_secret_count_where_it_is_known() -> None:
    secret = SecretFacts(
        name="mine",
        annotations={
            "serving.kserve.io/s3-region": "eu",
            "serving.kserve.io/s3-cabundle-configmap": "authorities",
        },
    )
    found = opened(
        Source(uri="s3://b/m", secrets=("mine",)),
        around=Surroundings(secrets={"mine": secret}),
    )
    assert values(found.env)["AWS_DEFAULT_REGION"] == "eu"
    assert found.ca_bundle == "authorities"


def test_an_entry_is_a_reference_and_its_parameters_stand_beside_it() -> None:
    source = Source(
        uri="s3://models/iris", storage_key="minio", parameters={"bucket": "models"}
    )
    assert values(opened(source).env) == {
        "STORAGE_CONFIG": {"name": "storage-config", "key": "minio"},
        "STORAGE_OVERRIDE_CONFIG": '{"bucket": "models"}',
    }


def test_an_entry_of_a_secret_with_another_name() -> None:
    source = Source(uri="storage-config://k/m", storage_key="k", secrets=("other",))
    found = opened(source)
    assert values(found.env)["STORAGE_CONFIG"] == {"name": "other", "key": "k"}
    assert found.mounts == ()


def test_without_a_key_the_fetch_looks_the_default_up() -> None:
    found = opened(Source(uri="storage-config:///m"))
    assert folders(found) == {
        "/var/secrets/inferry/storage-config": {"secretName": "storage-config"}
    }


def test_parameters_alone_do_with_or_without_the_secret() -> None:
    found = opened(Source(uri="s3://b/m", parameters={"type": "s3", "bucket": "b"}))
    assert folders(found) == {
        "/var/secrets/inferry/storage-config": {
            "secretName": "storage-config",
            "optional": True,
        }
    }


def test_an_image_is_fetched_with_the_secrets_of_its_pulls() -> None:
    source = Source(uri="oci+fetch://r/m", pull_secrets=("pulls",))
    assert list(folders(opened(source))) == ["/var/secrets/inferry/pulls"]
    theirs = opened(source, foreign=True)
    assert values(theirs.env)["KSERVE_OCI_DOCKER_CONFIG"] == (
        "/mnt/oci-fetch-auth/config.json"
    )


def test_another_fetch_gets_the_variables_of_kserve() -> None:
    """Of a Secret that nobody knows each key may be absent."""
    found = opened(Source(uri="s3://b/m", secrets=("mine",)), foreign=True)
    told = values(found.env)
    assert told["AWS_ACCESS_KEY_ID"] == {
        "name": "mine",
        "key": "AWS_ACCESS_KEY_ID",
        "optional": True,
    }
    assert "/var/secrets/inferry/mine" in folders(found)


def test_another_fetch_gets_the_keys_that_are_known() -> None:
    secret = SecretFacts(
        name="mine", keys=("awsAccessKeyID", "awsSecretAccessKey", "other")
    )
    found = opened(
        Source(uri="s3://b/m", secrets=("mine",)),
        around=Surroundings(secrets={"mine": secret}),
        foreign=True,
    )
    told = values(found.env)
    assert told["AWS_ACCESS_KEY_ID"] == {"name": "mine", "key": "awsAccessKeyID"}
    assert told["AWS_SECRET_ACCESS_KEY"]["key"] == "awsSecretAccessKey"
    assert "other" not in str(found)


def test_another_fetch_gets_the_file_of_google() -> None:
    found = opened(Source(uri="gs://b/m", secrets=("mine",)), foreign=True)
    assert values(found.env)["GOOGLE_APPLICATION_CREDENTIALS"] == (
        "/var/secrets/gcloud-application-credentials.json"
    )
    assert "/var/secrets" in folders(found)


NAMES = some.sampled_from(["a", "b", "storage-config"])
SOURCES = some.builds(
    Source,
    uri=some.sampled_from(["s3://b/m", "gs://b/m", "storage-config:///m", "hf://o/m"]),
    secrets=some.lists(NAMES, max_size=1).map(tuple),
    storage_key=some.sampled_from(["", "key"]),
    parameters=some.sampled_from([{}, {"bucket": "b"}]),
)
ACCOUNTS = some.lists(NAMES, max_size=3).map(
    lambda names: {"default": AccountFacts(name="default", secrets=tuple(names))}
)


@given(
    sources=some.lists(SOURCES, max_size=3),
    accounts=ACCOUNTS,
    foreign=some.booleans(),
)
def test_no_name_and_no_path_is_there_twice(
    sources: list[Source], accounts: dict[str, AccountFacts], *, foreign: bool
) -> None:
    """An API server refuses a container with two variables or mounts of one name."""
    found = access(sources, OPTIONS, Surroundings(accounts=accounts), foreign=foreign)
    for names in (
        [each["mountPath"] for each in found.mounts],
        [each["name"] for each in found.volumes],
        [each["name"] for each in found.env],
    ):
        assert len(names) == len(set(names))


def test_nothing_of_a_secret_is_in_a_pod(bench: Bench) -> None:
    """Not even where the Secret stands in the same file."""
    text = bench.service(
        "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}",
        metadata="annotations: {serving.kserve.io/storageSecretName: mine}",
    )
    secret = (
        "---\napiVersion: v1\nkind: Secret\nmetadata: {name: mine, namespace: team}\n"
        "stringData: {AWS_SECRET_ACCESS_KEY: s3cr3t}\n"
    )
    assert "s3cr3t" not in str(bench.pod(text + secret))
