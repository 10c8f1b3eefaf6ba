"""What a client is told of a path or method that is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from serving import Serve, SpecOf

WAYS = "models answer POST /v1/models/MODEL:predict and POST /v2/models/MODEL/infer"


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/v1/models/m/predict", "did you mean /v1/models/m:predict?"),
        ("/v1/models/m:Predict", "did you mean /v1/models/m:predict?"),
        ("/v1/models/m/infer", "did you mean /v1/models/m:predict?"),
        ("/v1/models/m/explain/", "did you mean /v1/models/m:explain?"),
        ("/v2/models/m/predict", "did you mean /v2/models/m/infer?"),
        ("/v2/models/m/versions/1/predict", "did you mean /v2/models/m/infer?"),
        ("/v2/models/m/inference", "did you mean /v2/models/m/infer?"),
        ("/v2/models/m/metadata", "did you mean /v2/models/m?"),
        ("/healthz", "did you mean /v2/health/live?"),
        ("/v2/ready", "did you mean /v2/health/ready?"),
        ("/predict", WAYS),
        ("/v3", WAYS),
    ],
)
async def test_a_path_that_is_none_tells_what_was_meant(
    serve: Serve, spec: SpecOf, path: str, hint: str
) -> None:
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post(path, json={})
    assert answer.status_code == 404
    assert answer.json() == {"error": f"there is nothing at {path!r}; {hint}"}


@pytest.mark.parametrize(
    ("method", "path", "use"),
    [
        ("GET", "/v2/models/m/infer", "use POST"),
        ("GET", "/v1/models/m:predict", "use POST"),
        ("PUT", "/v2/models/m", "use GET"),
        (
            "POST",
            "/v2/models/m:predict",
            "use GET; did you mean /v2/models/m/infer?",
        ),
        ("POST", "/v1/models/m", f"use GET; {WAYS}"),
    ],
)
async def test_a_method_that_is_none_names_the_path_and_the_right_one(
    serve: Serve, spec: SpecOf, method: str, path: str, use: str
) -> None:
    async with serve(spec("Iris")) as (_, client):
        answer = await client.request(method, path, json={})
    assert answer.status_code == 405
    assert answer.json() == {"error": f"{method} is not allowed at {path!r}; {use}"}
    assert answer.headers["allow"].split(", ")[0] == use[4:].partition(";")[0]


async def test_a_long_path_is_not_repeated_whole(serve: Serve, spec: SpecOf) -> None:
    async with serve(spec("Iris")) as (_, client):
        answer = await client.post(f"/v2/models/{'m' * 5000}/predict", json={})
    assert answer.status_code == 404
    assert len(answer.content) < 500
