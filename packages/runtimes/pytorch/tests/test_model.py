"""`PytorchModel` answers rightly, and says what is wrong with what it refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import torch

from inferry.errors import InferenceError, InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, Tensor, TensorSpec
from inferry.testing import RuntimeTests
from inferry_runtime_pytorch.model import PytorchModel

from .conftest import Scale, ask, loaded, tensor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from conftest import Models

ROW = [[1, 2, 3]]
DECLARED: Mapping[str, Any] = {"threads": 1, "inputs": "x:FP32:-1x3"}
LINEAR: Mapping[str, Any] = {
    "threads": 1,
    "modelClass": "torch.nn:Linear",
    "modelArguments": '{"in_features": 3, "out_features": 2}',
}


class TestExported(RuntimeTests):
    model = PytorchModel
    options: ClassVar[Mapping[str, Any]] = {"threads": 1}

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.exported().parent


class TestScript(RuntimeTests):
    model = PytorchModel
    options: ClassVar[Mapping[str, Any]] = DECLARED

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.script()


class TestWeights(RuntimeTests):
    model = PytorchModel
    options: ClassVar[Mapping[str, Any]] = {**LINEAR, "inputs": "input:FP32:-1x3"}

    @pytest.fixture
    def artifact(self, models: Models) -> Path:
        return models.saved(torch.nn.Linear(3, 2).state_dict())


class Mean(torch.nn.Module):
    """Whose operator torch has for floats alone."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean(-1)


class Several(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> Any:
        return {"sum": x.sum(1), "parts": (x * 2, [x[:, :1], None]), "n": 7}


class Mixed(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x - x.mean(0)


class Kinds(torch.nn.Module):
    def forward(self, x: torch.Tensor, times: int, name: str = "a") -> torch.Tensor:
        if name == "b":
            raise ValueError("no b")
        return x * times


class Writes(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.add_(1)


def test_an_exported_program_declares_all(models: Models) -> None:
    model = loaded(models.exported())

    metadata = model.metadata()

    assert metadata.inputs == (TensorSpec(name="x", datatype="FP32", shape=(-1, 3)),)
    assert metadata.outputs == (
        TensorSpec(name="output-0", datatype="FP32", shape=(-1, 2)),
    )
    assert metadata.platform == "pytorch_export"
    assert model.batching is True
    assert model.memory == 4 * (6 + 2)
    assert model.inline is True


def test_all_forms_give_the_same(models: Models) -> None:
    expected = [[6.0, 7.0]]
    state = Scale().linear.state_dict()

    exported = loaded(models.exported())
    script = loaded(models.script())
    weights = loaded(models.saved(state), **LINEAR)

    assert ask(exported, tensor("x", ROW)) == {"output-0": expected}
    assert ask(script, tensor("x", ROW)) == {"output-0": expected}
    assert ask(weights, tensor("input", ROW)) == {"output-0": expected}


def test_declared_inputs_tell_a_script_what_it_gives(models: Models) -> None:
    model = loaded(models.script(), inputs="x:FP32:-1x3", outputs="y")

    metadata = model.metadata()

    assert metadata.inputs == (TensorSpec(name="x", datatype="FP32", shape=(-1, 3)),)
    assert metadata.outputs == (TensorSpec(name="y", datatype="FP32", shape=(-1, 2)),)
    assert model.batching is True
    assert model.warm_up() is not None


def test_a_script_that_nobody_describes_takes_what_fits(models: Models) -> None:
    model = loaded(models.script())
    expected = {"output-0": [[6.0, 7.0]]}

    assert model.metadata().inputs == ()
    assert model.batching is False
    assert model.warm_up() is None
    for name in ("x", "input-0", "INPUT__0"):
        assert ask(model, tensor(name, ROW, "FP64")) == expected
    with pytest.raises(InvalidInput, match="unknown input 'z'; the model takes 'x'"):
        ask(model, tensor("z", ROW))
    with pytest.raises(InvalidInput, match="input 'x' is missing"):
        ask(model)
    said = r"cannot take these inputs: .*\(the request has 'x' \(FP32 \[1, 2\]\)\)"
    with pytest.raises(InvalidInput, match=said):
        ask(model, tensor("x", [[1, 2]]))


@pytest.mark.parametrize("module", [Scale(), Mean()])
def test_whole_numbers_are_floats_where_a_model_takes_no_others(
    models: Models, module: torch.nn.Module
) -> None:
    model = loaded(models.script(module))
    expected = ask(model, tensor("x", ROW))

    for _ in range(2):
        assert ask(model, tensor("x", ROW, "INT64")) == expected
    with pytest.raises(InvalidInput, match="cannot take these inputs"):
        ask(model, tensor("x", [[True, False, True]], "BOOL"))


def test_whole_numbers_stay_so_where_a_model_takes_them(models: Models) -> None:
    model = loaded(models.script(torch.nn.Embedding(3, 2)))

    assert len(ask(model, tensor("input", [2], "INT64"))["output-0"]) == 1
    for wrong, datatype in ((9, "INT64"), (1.0, "FP32")):
        with pytest.raises(InvalidInput, match="cannot take these inputs"):
            ask(model, tensor("input", [wrong], datatype))
    assert len(ask(model, tensor("input", [2], "INT64"))["output-0"]) == 1


def test_containers_become_named_outputs(models: Models) -> None:
    path = models.exported(Several())

    answer = ask(loaded(path), tensor("x", ROW))

    assert answer == {
        "sum": [6.0],
        "parts.0": [[2.0, 4.0, 6.0]],
        "parts.1.0": [[1.0]],
        "n": 7,
    }


def test_outputs_can_be_named_and_chosen(models: Models) -> None:
    model = loaded(models.exported(Several()), outputs="a,b,c,d")

    assert [each.name for each in model.metadata().outputs] == ["a", "b", "c", "d"]
    assert ask(model, tensor("x", ROW), outputs=("c", "a")) == {
        "c": [[1.0]],
        "a": [6.0],
    }
    with pytest.raises(ModelLoadError, match=r"gives 4 outputs \(sum, .*and 2 are"):
        loaded(models.exported(Several()), outputs="a,b")


def test_rows_that_depend_on_each_other_are_not_joined(models: Models) -> None:
    model = loaded(models.script(Mixed()), inputs="x:FP32:-1x3")

    assert model.batching is False
    assert loaded(models.script(), **DECLARED, batching="false").batching is False
    assert loaded(models.script(Mixed()), batching="true").batching is True


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ((), "input 'x' is missing; the model takes 'x'"),
        ((tensor("z", ROW),), "unknown input 'z'; the model takes 'x'"),
        ((tensor("x", ROW), tensor("x", ROW)), "'x' is given twice"),
        ((tensor("x", ROW[0]),), r"'x' has shape \[3\], expected \[-1, 3\]"),
        ((tensor("x", ROW, "FP64"),), "'x' is FP64, expected FP32"),
        ((tensor("x", [[b"a"]], "BYTES"),), "'x' is BYTES, expected FP32"),
    ],
)
def test_what_does_not_fit_is_named(
    models: Models, inputs: tuple[Tensor, ...], said: str
) -> None:
    model = loaded(models.exported())

    with pytest.raises(InvalidInput, match=said):
        ask(model, *inputs)


def test_numbers_and_texts_are_arguments_too(models: Models) -> None:
    model = loaded(models.script(Kinds()))
    x = tensor("x", ROW)

    assert ask(model, x, tensor("times", [2], "INT64")) == {
        "output-0": [[2.0, 4.0, 6.0]]
    }
    with pytest.raises(
        InvalidInput, match=r"'times' has shape \[2\], expected one int"
    ):
        ask(model, x, tensor("times", [2, 3], "INT64"))
    with pytest.raises(InvalidInput, match="'times' is FP32, expected int"):
        ask(model, x, tensor("times", [2]))
    with pytest.raises(InvalidInput, match="these inputs: no b"):
        ask(model, x, tensor("times", 2, "INT64"), tensor("name", [b"b"], "BYTES"))
    with pytest.raises(InvalidInput, match="'name' is not UTF-8"):
        ask(model, x, tensor("times", 2, "INT64"), tensor("name", [b"\xff"], "BYTES"))


@pytest.mark.parametrize(
    "datatype",
    ["BOOL", "INT8", "INT16", "INT32", "INT64", "UINT8", "FP16", "BF16", "FP64"],
)
def test_every_type_goes_in_and_comes_out(models: Models, datatype: str) -> None:
    model = loaded(models.script(torch.nn.Identity()), inputs=f"input:{datatype}:-1x2")
    given = tensor("input", [[1, 0], [0, 1]], datatype)

    (answer,) = model.predict(InferRequest(inputs=(given,))).outputs

    assert answer.datatype == datatype
    assert np.array_equal(answer.data, given.data)


def test_a_request_keeps_its_values(models: Models) -> None:
    model = loaded(models.script(Writes()))
    data = np.ones((1, 2), np.float32)
    data.flags.writeable = False

    given = Tensor(name="x", datatype="FP32", data=data)

    assert ask(model, given) == {"output-0": [[2.0, 2.0]]}
    assert data.tolist() == [[1.0, 1.0]]


def test_many_threads_get_their_own_answers(models: Models) -> None:
    model = loaded(models.exported())

    def one(number: int) -> float:
        found = ask(model, tensor("x", [[number, 0, 0]]))["output-0"]
        return float(found[0][0])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(one, range(50))) == list(range(50))
    assert model.max_concurrency > 1


def test_a_broken_operator_is_not_the_callers_fault(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(models.exported())

    def fails(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")

    monkeypatch.setattr(model, "_call", fails)

    with pytest.raises(InferenceError, match="could not compute the answer: CUDA out"):
        ask(model, tensor("x", ROW))


def test_unload_forgets_the_model(models: Models) -> None:
    model = loaded(models.exported())

    model.unload()

    with pytest.raises(ModelNotReady):
        ask(model, tensor("x", ROW))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batching": "perhaps"}, "option batching is 'perhaps'"),
        ({"versionMismatch": "no"}, "option versionMismatch is 'no'"),
        ({"threads": -1}, "option threads is -1"),
        ({"device": "tpu"}, "unknown device 'tpu'; use cpu, cuda"),
    ],
)
def test_options_that_mean_nothing_are_refused(
    models: Models, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ModelLoadError, match=said):
        loaded(models.exported(), **options)
