"""The classification extension: the best classes in place of the numbers."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inferry.testing.protocol import clients

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry.testing.protocol import Served

SCORES = np.array([[0.25, 0.5, 0.125], [3.0, 1.0, 2.0]], "float32")


@pytest.fixture(scope="module")
def scores(serve: Callable[..., Served]) -> Served:
    return serve("Scores", model="scores")


def classes(kind: str, served: Served, count: int, **more: Any) -> Any:
    module = importlib.import_module(f"tritonclient.{kind.partition('.')[0]}")
    given = module.InferInput("scores", list(SCORES.shape), "FP32")
    given.set_data_from_numpy(SCORES)
    wanted = module.InferRequestedOutput("scores", class_count=count, **more)
    answer = clients.ask(kind, served, "infer", "scores", [given], outputs=[wanted])
    return answer.as_numpy("scores")


@pytest.mark.parametrize("kind", clients.KINDS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_best_classes_of_each_row(scores: Served, kind: str, count: int) -> None:
    found = classes(kind, scores, count)
    assert found.shape == (2, count)
    for row, numbers in zip(found, SCORES, strict=True):
        best = np.argsort(-numbers)[:count]
        pairs = [each.decode().split(":") for each in row]
        assert [int(index) for _, index, *_ in pairs] == best.tolist()
        assert [float(value) for value, *_ in pairs] == numbers[best].tolist()


def test_classes_in_json(scores: Served) -> None:
    found = classes("http", scores, 1, binary_data=False)
    assert [str(each).split(":")[1] for each in found.flat] == ["1", "0"]


@pytest.mark.parametrize("count", [0, 9])
def test_a_count_beyond_the_classes_gives_what_there_is(
    scores: Served, count: int
) -> None:
    found = classes("http", scores, count)
    assert found.shape == ((2, 3) if count else SCORES.shape)


@pytest.mark.parametrize("count", [-1, 1.5, "2", True])
def test_a_count_that_is_none_is_refused(scores: Served, count: Any) -> None:
    document = {
        "inputs": [
            {
                "name": "scores",
                "datatype": "FP32",
                "shape": [2, 3],
                "data": SCORES.tolist(),
            }
        ],
        "outputs": [{"name": "scores", "parameters": {"classification": count}}],
    }
    response = scores.request("POST", "/v2/models/scores/infer", json=document)
    assert response.status_code == 400, response.text
    assert "classification" in response.json()["error"]
