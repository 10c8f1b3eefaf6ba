from __future__ import annotations

from typing import Any

import pytest

from inferry.api import ModelSpec, ModelStorageSpec, StorageUriSpec
from inferry.errors import PlanningError
from inferry.planning._sources import Readable, model_sources
from inferry.planning._storage_choice import choose_storage
from inferry.plugins import ImportRef, StorageBackend
from inferry.storage import Source

NOTHING = Readable()


def test_storage_uri_becomes_one_source() -> None:
    model = ModelSpec(
        storage_uri="/a", storage=ModelStorageSpec(parameters={"region": "x"})
    )
    assert model_sources(model, [], NOTHING) == (
        Source(uri="/a", parameters={"region": "x"}),
    )


def test_storage_uris_keep_their_mount_paths() -> None:
    uris = [StorageUriSpec(uri="/a"), StorageUriSpec(uri="/b", mount_path="/mnt/b")]
    assert model_sources(ModelSpec(), uris, NOTHING) == (
        Source(uri="/a"),
        Source(uri="/b", mount_path="/mnt/b"),
    )


def test_a_storage_spec_with_type_and_bucket_is_a_uri() -> None:
    storage = ModelStorageSpec(path="/x/y", parameters={"type": "s3", "bucket": "b"})
    (source,) = model_sources(ModelSpec(storage=storage), [], NOTHING)
    assert source.uri == "s3://b/x/y"


def test_hdfs_needs_no_bucket() -> None:
    storage = ModelStorageSpec(path="/x", parameters={"type": "webhdfs"})
    (source,) = model_sources(ModelSpec(storage=storage), [], NOTHING)
    assert source.uri == "webhdfs://x"


@pytest.mark.parametrize("key", ["minio", None])
def test_a_store_that_only_the_secret_knows_is_named_by_its_key(
    kitchen: Any, key: str | None
) -> None:
    """The plan is the same whatever the secret holds; the fetch reads it."""
    model = ModelSpec(storage=ModelStorageSpec(key=key, path="/a b/c"))
    (source,) = model_sources(model, [], NOTHING)
    assert source.uri == f"storage-config://{key or ''}/a%20b/c"
    assert source.storage_key == (key or "")
    (choice,) = choose_storage([source], kitchen.catalog(), backend="local")
    assert (choice.backend, choice.why) == (
        "storage-config",
        "the secret of the storage key names the store",
    )


def test_a_source_names_what_it_may_read() -> None:
    pod = {"serviceAccountName": "sa", "imagePullSecrets": [{"name": "pull"}]}
    annotations = {"serving.kserve.io/storageSecretName": "minio"}
    readable = Readable.of(pod, annotations)
    (source,) = model_sources(ModelSpec(storage_uri="s3://b/m"), [], readable)
    assert source == Source(
        uri="s3://b/m",
        secrets=("minio",),
        service_account="sa",
        pull_secrets=("pull",),
    )


def test_the_chart_s_annotation_names_a_secret_too() -> None:
    readable = Readable.of({}, {"serving.kserve.io/secretName": "minio"})
    assert readable.secrets == ("minio",)


def test_a_backend_is_chosen_by_scheme(kitchen: Any) -> None:
    (choice,) = choose_storage([Source(uri="/a")], kitchen.catalog(), backend="local")
    assert (choice.backend, choice.plugin, choice.why) == (
        "local",
        "acme-local",
        "it reads plain paths",
    )


def test_the_longest_pattern_wins_over_the_scheme(kitchen: Any) -> None:
    def backend(name: str, pattern: str) -> StorageBackend:
        return StorageBackend(
            name=name,
            schemes=(),
            client=ImportRef("a:B"),
            uri_patterns=(pattern,),
        )

    catalog = kitchen.catalog(
        kitchen.files,
        backend("git", r"https://.+\.git$"),
        backend("any", r"https://"),
    )
    (git,) = choose_storage([Source(uri="https://a/b.git")], catalog, backend="local")
    assert (git.backend, git.why) == ("git", "its pattern matches the URI")


def test_two_backends_of_one_scheme_are_refused(kitchen: Any) -> None:
    other = StorageBackend(
        name="web", schemes=("https",), client=ImportRef("acme_web:Web")
    )
    catalog = kitchen.catalog(kitchen.files, other)
    with pytest.raises(PlanningError, match=r"local \(acme-local\), web \(acme-web\)"):
        choose_storage([Source(uri="https://a/b")], catalog, backend="local")


@pytest.mark.parametrize(
    ("uri", "remedy"),
    [
        ("s3://a", 'pip install "inferry[s3]"'),
        ("gs://a", 'pip install "inferry[gs]"'),
        ("abfs://a", 'pip install "inferry[azure]"'),
        ("hf://a/b", 'pip install "inferry[hf]"'),
        ("oci://a", 'pip install "inferry[oci]"'),
        ("webhdfs://a", 'pip install "inferry[hdfs]"'),
        ("git://a", 'pip install "inferry[git]"'),
        ("htps://a", "did you mean 'https'?"),
        ("pvc://a", "volumes exist only on Kubernetes"),
        ("modelscope://a/b", "inferry-storage-modelscope"),
        ("zzzz://a", "the schemes here are: file, https"),
    ],
)
def test_a_scheme_that_nothing_reads_says_what_would(
    kitchen: Any, uri: str, remedy: str
) -> None:
    with pytest.raises(PlanningError) as raised:
        choose_storage([Source(uri=uri)], kitchen.catalog(), backend="local")
    assert remedy in raised.value.remedy
    assert raised.value.reason == "StorageNotSupported"


def test_without_any_storage_plugin_the_local_extra_is_named(kitchen: Any) -> None:
    catalog = kitchen.catalog(kitchen.sklearn)
    with pytest.raises(PlanningError, match=r'pip install "inferry\[local\]"'):
        choose_storage([Source(uri="/a")], catalog, backend="local")


def test_a_password_in_a_uri_reaches_no_message(kitchen: Any) -> None:
    source = Source(uri="s3://me:secret@host/a?sig=secret")
    with pytest.raises(PlanningError) as raised:
        choose_storage([source], kitchen.catalog(), backend="local")
    assert "secret" not in str(raised.value)


def test_a_cluster_mounts_volumes_itself(kitchen: Any) -> None:
    source = Source(uri="pvc://models/iris")
    (choice,) = choose_storage([source], kitchen.catalog(), backend="kubernetes")
    assert (choice.backend, choice.plugin) == ("pvc", "")
