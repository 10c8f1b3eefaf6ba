from __future__ import annotations

import json
from typing import Any

import pytest

from inferry.api import loads, to_dict
from inferry.errors import PlanningError
from inferry.planning import Catalog, plan
from inferry.planning._storage_choice import choose_storage
from inferry.plugins import ImportRef, StorageBackend
from inferry.status import Reason
from inferry.storage import Source

PATHS = StorageBackend(
    name="paths", schemes=("file",), client=ImportRef("acme_paths:Paths")
)
S3 = StorageBackend(name="s3", schemes=("s3",), client=ImportRef("acme_s3:S3"))


def container(name: str, *formats: str, **more: Any) -> Any:
    listed = ", ".join(formats)
    spec = "".join(f"  {key}: {value}\n" for key, value in more.items())
    text = f"""\
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterStorageContainer
metadata: {{name: {name}}}
disabled: {str(name == "idle").lower()}
spec:
  container: {{name: storage-initializer, image: example.com/fetch}}
  supportedUriFormats: [{listed}]
{spec}"""
    loaded = loads(text)
    loaded.raise_for_problems()
    return loaded.documents[0].document


def catalog(*containers: Any, storage: Any = ()) -> Catalog:
    return Catalog(containers=tuple(containers), storage=tuple(storage))


def choose(found: Catalog, *uris: str, named: str = "") -> Any:
    sources = [Source(uri=uri) for uri in uris]
    return choose_storage(sources, found, backend="kubernetes", container=named)


ABC = container("abc", "{prefix: 'abc://'}")
WEB = container("web", "{regex: 'https://(.+?).example.com/(.+)'}")
OFF = container("idle", "{prefix: 'abc://'}")
JOB = container("job", "{prefix: 'abc://'}", workloadType="localModelDownloadJob")
MANY = container("zany", "{prefix: 'abc://'}", supportsMultiModelDownload="true")


@pytest.mark.parametrize(
    ("uri", "backend"),
    [
        ("abc://a/b", "abc"),
        ("https://models.example.com/a", "web"),
        ("https://example.org/a", "local"),
        ("s3://a/b", "s3"),
        ("hf://a/b", "hf"),
        ("pvc://a/b", "pvc"),
        ("oci://a/b", "oci"),
    ],
)
def test_who_fetches_a_uri(uri: str, backend: str) -> None:
    (choice,) = choose(catalog(ABC, JOB, OFF, WEB), uri)
    assert choice.backend == backend
    assert choice.why


def test_a_plugin_comes_after_a_container_and_before_our_own(kitchen: Any) -> None:
    storage = [kitchen.provided(S3)]
    (by_plugin,) = choose(catalog(ABC, storage=storage), "s3://a/b")
    assert by_plugin.plugin == "acme-s3"
    both = catalog(container("mine", "{prefix: 's3://'}"), storage=storage)
    (by_container,) = choose(both, "s3://a/b")
    assert (by_container.backend, by_container.plugin) == ("mine", "")


def test_one_container_fetches_all_models_of_a_component() -> None:
    found = choose(catalog(ABC, MANY), "abc://a/b", "pvc://c/d", "abc://e/f")
    assert [each.backend for each in found] == ["zany", "pvc", "zany"]


@pytest.mark.parametrize(
    ("named", "uris", "words"),
    [
        ("abd", ["abc://a/b"], "'abd' not found"),
        ("idle", ["abc://a/b"], "is disabled"),
        ("job", ["abc://a/b"], "has workloadType 'localModelDownloadJob'"),
        ("abc", ["s3://u:p@a/b?token=x"], "does not support storageUri s3://"),
        ("abc", ["abc://a/b", "abc://c/d"], "does not support multi-model download"),
    ],
)
def test_a_named_container_that_cannot_fetch_is_told(
    named: str, uris: list[str], words: str
) -> None:
    with pytest.raises(PlanningError) as caught:
        choose(catalog(ABC, JOB, OFF), *uris, named=named)
    assert caught.value.reason == Reason.StorageNotSupported
    assert words in caught.value.message
    assert "token" not in str(caught.value)


def test_a_named_container_is_taken_though_another_comes_first() -> None:
    (choice,) = choose(catalog(ABC, MANY), "abc://a/b", named="zany")
    assert choice.backend == "zany"


def test_a_scheme_that_nobody_reads_is_refused() -> None:
    with pytest.raises(PlanningError) as caught:
        choose(catalog(ABC), "xyz://a/b")
    assert caught.value.reason == Reason.StorageNotSupported
    assert "xyz://" in caught.value.message
    assert "ClusterStorageContainer" in caught.value.remedy


@pytest.mark.parametrize("uri", ["models/iris", "/home/me/iris", "file:///models"])
@pytest.mark.parametrize("plugins", [False, True])
def test_a_path_of_the_machine_means_nothing_in_a_pod(
    uri: str, kitchen: Any, *, plugins: bool
) -> None:
    """Also where a plugin of this machine reads paths."""
    storage = [kitchen.provided(PATHS)] if plugins else []
    with pytest.raises(PlanningError) as caught:
        choose(catalog(storage=storage), uri)
    assert caught.value.reason == Reason.StorageNotSupported
    assert "no pod sees it" in caught.value.message
    assert "s3://" in caught.value.remedy


def test_a_regular_expression_of_another_language_matches_nothing() -> None:
    odd = container("odd", "{regex: '(?<a'}", "{prefix: 'abc://'}")
    (choice,) = choose(catalog(odd), "abc://a/b")
    assert choice.backend == "odd"


def test_a_service_names_its_container(kitchen: Any) -> None:
    service = kitchen.service(
        """
        storageContainerName: abc
        model: {modelFormat: {name: sklearn}, storageUri: abc://models/iris}
        """
    )
    found = kitchen.catalog()
    made = Catalog(runtimes=found.runtimes, containers=(ABC,))
    (component,) = plan(service, made, backend="kubernetes").revisions[0].components
    assert component.storage_backends == ("abc",)
    assert component.storage_container == "abc"


def test_the_catalog_holds_the_containers_of_the_documents(kitchen: Any) -> None:
    text = "\n---\n".join(json.dumps(to_dict(each)) for each in (MANY, ABC))
    found = kitchen.catalog(documents=text)
    assert [each.metadata.name for each in found.containers] == ["abc", "zany"]
