"""What a service declares: by options, or in a file beside the model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from inferry.errors import ModelLoadError
from inferry.model import TensorSpec

from .conftest import loaded

if TYPE_CHECKING:
    from .conftest import Models

X = {"name": "x", "datatype": "FP32", "shape": [-1, 3]}
Y = {"name": "y", "datatype": "FP32", "shape": [-1, 2]}


def test_a_file_beside_the_model_declares_it(models: Models) -> None:
    path = models.script()
    (models.folder / "metadata.json").write_text(
        json.dumps({"name": "m", "inputs": [X], "outputs": [Y]})
    )

    metadata = loaded(path).metadata()

    assert metadata.inputs == (TensorSpec(name="x", datatype="FP32", shape=(-1, 3)),)
    assert metadata.outputs == (TensorSpec(name="y", datatype="FP32", shape=(-1, 2)),)


def test_options_go_before_the_file(models: Models) -> None:
    path = models.script()
    (models.folder / "metadata.json").write_text(json.dumps({"outputs": [Y]}))

    metadata = loaded(path, inputs="x:fp32:4x3", outputs="z:FP32:-1x2").metadata()

    assert metadata.inputs == (TensorSpec(name="x", datatype="FP32", shape=(4, 3)),)
    assert metadata.outputs == (TensorSpec(name="z", datatype="FP32", shape=(-1, 2)),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "metadata.json beside the model cannot be read"),
        ('{"inputs": [{"name": "x"}]}', "missing required field `datatype`"),
        (json.dumps({"inputs": [X | {"datatype": "float"}]}), "declares 'x' as float"),
        (json.dumps({"inputs": [X | {"shape": [-3]}]}), "declares 'x' as FP32"),
        (" " * (2**20 + 1), "has more than"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    models: Models, content: str, said: str
) -> None:
    path = models.script()
    (models.folder / "metadata.json").write_text(content)

    with pytest.raises(ModelLoadError, match=said):
        loaded(path)


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ("a,b:FP32:1", "names with and without a datatype"),
        ("a,a", "names a tensor twice"),
        ("a:FP32:", "option outputs has"),
    ],
)
def test_outputs_that_cannot_be_used_are_named(
    models: Models, outputs: str, said: str
) -> None:
    with pytest.raises(ModelLoadError, match=said):
        loaded(models.script(), outputs=outputs)
