from __future__ import annotations

from typing import Any

import pytest

from inferry.api import loads


def problems(**predictor: Any) -> list[tuple[str, str]]:
    from json import dumps

    service = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "iris"},
        "spec": {"predictor": predictor},
    }
    found = loads(dumps(service)).problems
    return [(each.path, each.message) for each in found]


MODEL = {"modelFormat": {"name": "sklearn"}, "storageUri": "s3://models/iris"}


@pytest.mark.parametrize(
    ("predictor", "path"),
    [
        ({"model": MODEL | {"env": [{"name": "A"}] * 2}}, "spec.predictor.model.env"),
        (
            {"model": MODEL, "volumes": [{"name": "a", "emptyDir": {}}] * 2},
            "spec.predictor.volumes",
        ),
        (
            {
                "model": MODEL
                | {
                    "volumeMounts": [
                        {"name": "kserve-a", "mountPath": "/a"},
                        {"name": "kserve-b", "mountPath": "/a"},
                    ]
                }
            },
            "spec.predictor.model.volumeMounts",
        ),
    ],
)
def test_an_entry_that_stands_twice_is_told(
    predictor: dict[str, Any], path: str
) -> None:
    """An API server that merges such lists refuses them."""
    (found,) = problems(**predictor)
    assert found[0].startswith(f"{path}[1].")
    assert "stands twice" in found[1]


def test_a_list_too_long_for_an_api_server_is_told() -> None:
    variables = [{"name": f"V{index}", "value": "x"} for index in range(301)]
    assert problems(model=MODEL | {"env": variables}) == [
        ("spec.predictor.model.env", "has 301 entries, more than 300")
    ]


def test_a_uri_too_long_for_an_api_server_is_told() -> None:
    uri = "s3://models/" + "a" * 2048
    assert problems(model=MODEL | {"storageUri": uri}) == [
        ("spec.predictor.model.storageUri", "has 2060 characters, more than 2048")
    ]
