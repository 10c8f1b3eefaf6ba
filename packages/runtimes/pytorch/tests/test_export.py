"""Exported programs: sizes that hang together, versions, and states."""

from __future__ import annotations

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
import torch

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import TensorSpec
from inferry.status import Reason
from inferry_runtime_pytorch import _export

from .conftest import Scale, ask, loaded, rewritten, tensor

if TYPE_CHECKING:
    from conftest import Models

DIM = torch.export.Dim


class Two(torch.nn.Module):
    def forward(self, x: torch.Tensor, *, y: torch.Tensor) -> torch.Tensor:
        return x + y


class Pairs(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.reshape(-1, 2).sum(1)


class Listed(torch.nn.Module):
    def forward(self, parts: list[torch.Tensor]) -> torch.Tensor:
        return parts[0] - parts[1]


class Total(torch.nn.Module):
    total: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.total.add_(x.sum())
        return self.total + 0


def test_sizes_out_of_range_are_named(models: Models) -> None:
    axis = DIM("length", min=4, max=8)
    path = models.exported(
        torch.nn.ReLU(), (torch.zeros(2, 5),), {"input": {0: DIM.DYNAMIC, 1: axis}}
    )
    model = loaded(path)

    assert ask(model, tensor("input", [[1.0] * 4]))
    with pytest.raises(
        InvalidInput, match="axis 1 of input 'input' is 9, expected 4 to"
    ):
        ask(model, tensor("input", [[1.0] * 9]))


def test_sizes_that_must_be_equal_are_named(models: Models) -> None:
    axis = DIM("n", min=1)
    path = models.exported(
        Two(),
        (torch.zeros(2, 3),),
        {"x": {0: axis}, "y": {0: axis}},
        y=torch.zeros(2, 3),
    )
    model = loaded(path)
    row = [1.0, 2.0, 3.0]

    assert ask(model, tensor("y", [row]), tensor("x", [row])) == {
        "output-0": [[2.0, 4.0, 6.0]]
    }
    with pytest.raises(
        InvalidInput,
        match="axis 0 of input 'y' is 1, expected 2 as axis 0 of input 'x'",
    ):
        ask(model, tensor("x", [row, row]), tensor("y", [row]))


def test_a_size_that_is_a_formula_is_checked(models: Models) -> None:
    half = DIM("half", min=1, max=100)
    path = models.exported(Pairs(), (torch.zeros(6),), {"x": {0: 2 * half}})
    model = loaded(path)

    assert model.batching is False
    assert ask(model, tensor("x", [1, 2, 3, 4])) == {"output-0": [3.0, 7.0]}
    with pytest.raises(InvalidInput, match="axis 0 of input 'x' is 5, expected 2"):
        ask(model, tensor("x", [1, 2, 3, 4, 5]))


def test_more_rows_than_exported_for_are_answered_in_parts(models: Models) -> None:
    path = models.exported(
        Scale(), (torch.zeros(2, 3),), {"x": {0: DIM("n", min=1, max=4)}}
    )
    model = loaded(path)

    answer = ask(model, tensor("x", [[n, 0, 0] for n in range(9)]))

    assert model.batching is True
    assert [row[0] for row in answer["output-0"]] == list(range(9))


def test_a_fixed_batch_is_not_joined(models: Models) -> None:
    path = models.exported(Scale(), (torch.zeros(2, 3),), None)

    model = loaded(path)

    assert model.batching is False
    assert model.metadata().inputs[0].shape == (2, 3)


def test_programs_load_at_the_same_time(models: Models) -> None:
    path = models.exported()

    with ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda _: _export.load(path, "cpu", trusted=True), "abcdefgh")
        )

    assert {program.platform for program, _ in found} == {"pytorch_export"}


def test_nested_inputs_come_one_by_one(models: Models) -> None:
    path = models.exported(Listed(), ([torch.zeros(2), torch.zeros(2)],), None)
    model = loaded(path)

    specs = model.metadata().inputs

    assert specs == (
        TensorSpec(name="parts_0", datatype="FP32", shape=(2,)),
        TensorSpec(name="parts_1", datatype="FP32", shape=(2,)),
    )
    assert ask(model, tensor("parts_0", [3, 3]), tensor("parts_1", [1, 2])) == {
        "output-0": [2.0, 1.0]
    }


def test_a_state_stays_in_its_sequence(models: Models) -> None:
    path = models.exported(Total(), (torch.zeros(1),), None)
    model = loaded(path)
    one = tensor("x", [1])

    assert model.batching is False
    assert model.inline is False
    for _ in range(2):
        assert ask(model, one) == {"output-0": [1.0]}
    begun = {"sequence_id": 7, "sequence_start": True}
    assert ask(model, one, parameters=begun) == {"output-0": [1.0]}
    assert ask(model, one, parameters={"sequence_id": 7}) == {"output-0": [2.0]}


def test_another_version_is_told_or_refused(
    models: Models, caplog: pytest.LogCaptureFixture
) -> None:
    def older(name: str, content: bytes) -> bytes:
        if not name.endswith("models/model.json"):
            return content
        return json.dumps(json.loads(content) | {"torch_version": "2.9.9"}).encode()

    path = rewritten(models.exported(), older)

    with caplog.at_level(logging.WARNING):
        loaded(path)
    assert "was saved by torch 2.9.9, installed is" in caplog.text
    with pytest.raises(ModelLoadError, match=r"install torch==2\.9\.9") as caught:
        loaded(path, versionMismatch="fail")
    assert caught.value.reason == Reason.ModelVersionMismatch


def test_a_program_without_tensors_is_refused(models: Models) -> None:
    class Times(torch.nn.Module):
        def forward(self, x: torch.Tensor, n: int) -> torch.Tensor:
            return x * n

    path = models.exported(Times(), (torch.zeros(2), 3), None)

    with pytest.raises(ModelLoadError, match="takes what is no tensor"):
        loaded(path)
