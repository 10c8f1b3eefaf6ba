"""The sklearn and python runtimes behind the real server, over V1 and V2."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from skops import io as skops

from inferry_server import ModelServer, ModelSpec, ServerSettings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    import pytest

SKLEARN = "inferry_runtime_sklearn.model:SklearnModel"
PYTHON = "inferry_runtime_python.model:PythonModel"
ROW = [5.1, 3.5, 1.4, 0.2]


@asynccontextmanager
async def served(
    target: str, path: Path, **options: Any
) -> AsyncIterator[httpx.AsyncClient]:
    server = ModelServer(ServerSettings(http_port=0))
    port = await server.start()
    spec = ModelSpec(name="m", runtime="", target=target, path=path, options=options)
    state = await server.load(spec)
    assert state.phase == "Ready", state
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        yield client
    await server.stop()


def tensor(name: str, datatype: str, shape: list[int], data: list[Any]) -> Any:
    return {"name": name, "datatype": datatype, "shape": shape, "data": data}


async def infer(client: httpx.AsyncClient, *inputs: Any, **more: Any) -> Any:
    answer = await client.post(
        "/v2/models/m/infer", json={"inputs": list(inputs), **more}
    )
    assert answer.status_code == 200, answer.text
    return {each["name"]: each["data"] for each in answer.json()["outputs"]}


async def test_numbers_of_any_type_reach_a_classifier(iris_folder: Path) -> None:
    async with served(SKLEARN, iris_folder) as client:
        for datatype in ("FP32", "FP64"):
            given = tensor("input-0", datatype, [1, 4], ROW)
            assert await infer(client, given) == {"predict": [0]}
        whole = tensor("input-0", "INT64", [1, 4], [5, 3, 1, 0])
        assert await infer(client, whole) == {"predict": [0]}


async def test_probabilities_are_given_when_asked_for(iris_folder: Path) -> None:
    async with served(SKLEARN, iris_folder) as client:
        given = tensor("input-0", "FP64", [1, 4], ROW)
        answer = await infer(client, given, outputs=[{"name": "predict_proba"}])
        assert list(answer) == ["predict_proba"]
        np.testing.assert_allclose(sum(answer["predict_proba"]), 1)


async def test_columns_of_a_data_frame_over_v1_and_v2(tmp_path: Path) -> None:
    frame = pd.DataFrame({"city": ["Bonn", "Rome"] * 2, "age": [1.0, 2, 30, 40]})
    columns = ColumnTransformer(
        [("city", OneHotEncoder(), ["city"]), ("age", StandardScaler(), ["age"])]
    )
    model = make_pipeline(columns, LogisticRegression()).fit(frame, list("llhh"))
    skops.dump(model, tmp_path / "model.skops")
    async with served(SKLEARN, tmp_path) as client:
        rows = [{"city": "Bonn", "age": 1}, {"city": "Rome", "age": 40}]
        v1 = await client.post("/v1/models/m:predict", json={"instances": rows})
        assert v1.json() == {"predictions": ["l", "h"]}
        city = tensor("city", "BYTES", [2], ["Bonn", "Rome"])
        age = tensor("age", "INT32", [2, 1], [1, 40])
        assert await infer(client, city, age) == {"predict": ["l", "h"]}


async def test_a_plain_class_over_v1_and_v2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INFERRY_PLUGINS__PYTHON__TRUST", str(tmp_path))
    (tmp_path / "model.py").write_text(
        "class Greeter:\n"
        "    def predict(self, names):\n"
        "        return [f'Hello {name}' for name in names]\n"
    )
    async with served(PYTHON, tmp_path) as client:
        v1 = await client.post("/v1/models/m:predict", json={"instances": ["Ada"]})
        assert v1.json() == {"predictions": ["Hello Ada"]}
        given = tensor("names", "BYTES", [1], ["Ada"])
        assert await infer(client, given) == {"output-0": ["Hello Ada"]}
