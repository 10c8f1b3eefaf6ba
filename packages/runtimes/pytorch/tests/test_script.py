"""TorchScript: what it may do, what it needs, and states of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from inferry.errors import InvalidInput, ModelLoadError
from inferry.status import Reason

from .conftest import Counter, ask, loaded, rewritten, tensor

if TYPE_CHECKING:
    from .conftest import Models

ONE = tensor("x", [1])


class Reads(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.from_file("/etc/passwd", shared=False, size=10) + x


class Writes(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        torch.save(x, "/tmp/written")
        return x


class Moving(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean.add_(x.sum())
        return self.mean * 1


class NoTensor(torch.nn.Module):
    def forward(self, x: dict[str, torch.Tensor]) -> torch.Tensor:
        return x["a"]


def test_a_script_that_reads_files_is_refused(models: Models) -> None:
    with pytest.raises(ModelLoadError, match=r"uses torch\.from_file, which") as caught:
        loaded(models.script(Reads()))
    assert caught.value.reason == Reason.ModelUnsafe


def test_a_script_that_writes_files_is_refused(models: Models) -> None:
    with pytest.raises(ModelLoadError, match=r"uses torch\.save, which does more"):
        loaded(models.script(Writes()))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"ops.inductor.accumulate(x)", r"torch\.ops\.inductor"),
        (b"ops.aten.from_file(x)", r"torch\.from_file"),
        (b"__torch__.torch.classes.c10d.ProcessGroup", r"classes\.c10d"),
    ],
)
def test_code_that_is_not_known_to_be_harmless_is_refused(
    models: Models, line: bytes, said: str
) -> None:
    path = rewritten(
        models.script(),
        lambda name, content: content + line if name.endswith(".py") else content,
    )

    with pytest.raises(ModelLoadError, match=said):
        loaded(path)


@pytest.mark.parametrize("module", [Counter(), Moving()])
def test_a_state_stays_in_its_sequence(models: Models, module: torch.nn.Module) -> None:
    model = loaded(models.script(module), inputs="x:FP32:-1")

    assert model.batching is False
    assert model.inline is False
    assert ask(model, ONE) == ask(model, ONE) == {"output-0": [1.0]}
    for name in (1, "a"):
        first = {"sequence_id": name, "sequence_start": True}
        assert ask(model, ONE, parameters=first) == {"output-0": [1.0]}
        for expected in (2.0, 3.0):
            more = {"sequence_id": name, "sequence_end": expected == 3.0}
            assert ask(model, ONE, parameters=more) == {"output-0": [expected]}
        with pytest.raises(InvalidInput, match=f"sequence {name!r} is not known"):
            ask(model, ONE, parameters={"sequence_id": name})


def test_copies_of_a_state_share_the_weights(models: Models) -> None:
    model = loaded(models.script(Counter()))

    assert model.memory >= 4
    twice = {"sequence_id": 1, "sequence_start": True}
    assert ask(model, tensor("x", [2]), parameters=twice) == {"output-0": [2.0]}


def test_an_input_that_no_request_can_hold_is_refused(models: Models) -> None:
    with pytest.raises(ModelLoadError, match=r"takes 'x' of type Dict\[str, Tensor\]"):
        loaded(models.script(NoTensor()))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ("y:FP32:3,z:FP32:3", "takes 'x', and 'y', 'z' is declared"),
        ("x:FP32", "option inputs has 'x:FP32'; use name:DATATYPE:shape"),
        ("x:FP99:1", "option inputs has 'x:FP99:1'"),
        ("x:FP32:-2", "option inputs declares 'x' as FP32"),
        ("x:FP32:1,x:FP32:1", "option inputs names a tensor twice"),
    ],
)
def test_declarations_that_do_not_fit_are_refused(
    models: Models, inputs: str, said: str
) -> None:
    with pytest.raises(ModelLoadError, match=said.replace("[", r"\[")):
        loaded(models.script(), inputs=inputs)


def test_another_name_is_taken_by_order(models: Models) -> None:
    model = loaded(models.script(), inputs="picture:FP32:-1x3")

    assert ask(model, tensor("picture", [[1, 2, 3]])) == {"output-0": [[6.0, 7.0]]}
