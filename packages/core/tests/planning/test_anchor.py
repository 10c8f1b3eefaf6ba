from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inferry.planning import anchored

FOLDER = Path("/home/me/project")


def uri(service: Any) -> str:
    found: str = service.spec.predictor.model.storage_uri
    return found


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("models/iris", "/home/me/project/models/iris"),
        ("./iris.skops", "/home/me/project/iris.skops"),
        ("/models/iris", "/models/iris"),
        ("~/models/iris", "~/models/iris"),
        ("~iris", "/home/me/project/~iris"),
        ("https://a.example/iris", "https://a.example/iris"),
        ("s3://a/b", "s3://a/b"),
    ],
)
def test_a_relative_path_means_the_folder_of_its_file(
    kitchen: Any, written: str, expected: str
) -> None:
    service = kitchen.service(
        f"model: {{modelFormat: {{name: sklearn}}, storageUri: '{written}'}}"
    )
    assert uri(anchored(service, FOLDER)) == expected


def test_storage_uris_and_canaries_are_anchored_too(kitchen: Any) -> None:
    service = kitchen.service(
        "storageUris: [{uri: a, mountPath: /mnt/models/a}]\n"
        "model: {modelFormat: {name: sklearn}}",
        spec="canary: {predictor: {model: {modelFormat: {name: sklearn}, "
        "storageUri: b}}}",
    )
    found = anchored(service, FOLDER)
    assert found.spec.predictor.storage_uris[0].uri == "/home/me/project/a"
    assert found.spec.canary.model.storage_uri == "/home/me/project/b"


def test_listed_canaries_are_anchored_too(kitchen: Any) -> None:
    service = kitchen.service(
        "model: {modelFormat: {name: sklearn}, storageUri: a}",
        spec="canary: [{trafficPercent: 1, predictor: {name: b, model: "
        "{modelFormat: {name: sklearn}, storageUri: b}}}]",
        metadata="annotations: {serving.kserve.io/deploymentMode: Standard}",
    )
    (canary,) = anchored(service, FOLDER).spec.canary
    assert canary.predictor.model.storage_uri == "/home/me/project/b"
