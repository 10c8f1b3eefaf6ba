"""A class may say what it takes and gives."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from inferry.errors import ModelLoadError
from inferry.model import TensorSpec
from inferry_runtime_python import _metadata

SPEC = TensorSpec(name="x", datatype="FP32", shape=(-1, 4))


@pytest.mark.parametrize("inputs", [{"x": ("FP32", [-1, 4])}, [SPEC], (SPEC,)])
def test_attributes_become_metadata(inputs: Any) -> None:
    found = _metadata.declared(SimpleNamespace(inputs=inputs, outputs=[SPEC]), "M")

    assert found is not None
    assert found.inputs == found.outputs == (SPEC,)


def test_without_attributes_there_is_none() -> None:
    assert _metadata.declared(SimpleNamespace(), "M") is None
    assert _metadata.declared(SimpleNamespace(inputs=3), "M") is None


@pytest.mark.parametrize(
    "inputs", [{"x": "FP32"}, {"x": ("FP31", [1])}, {"x": ("FP32", ["a"])}, ["x"]]
)
def test_what_describes_no_tensor_is_refused(inputs: Any) -> None:
    with pytest.raises(ModelLoadError, match=r"M\.inputs does not describe tensors"):
        _metadata.declared(SimpleNamespace(inputs=inputs), "M")
