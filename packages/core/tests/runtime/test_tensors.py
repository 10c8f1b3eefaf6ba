"""Arrays become tensors and back, or the error says which does not fit."""

from __future__ import annotations

import numpy as np
import pytest

from inferry.errors import InferenceError, InvalidInput
from inferry.model import DATATYPES, Tensor, TensorSpec
from inferry.runtime.tensors import by_name, described, row_spec, tensor, texts, zeros

SPECS = {
    "x": TensorSpec(name="x", datatype="FP32", shape=(-1, 2)),
    "mask": TensorSpec(name="mask", datatype="BOOL", shape=(2,)),
}


def given(name: str, data: np.ndarray) -> Tensor:
    return tensor(name, data)


@pytest.mark.parametrize(
    "name", sorted(set(DATATYPES.values()) - {"object", "bfloat16"})
)
def test_every_datatype_keeps_its_name_and_memory(name: str) -> None:
    array = np.ones((2, 3), dtype=name)

    made = tensor("x", array)

    assert DATATYPES[made.datatype] == name
    assert made.data is array


def test_a_view_becomes_contiguous_and_a_foreign_byte_order_native() -> None:
    view = np.arange(6, dtype=">i4").reshape(2, 3).T

    made = tensor("x", view)

    assert made.datatype == "INT32"
    assert made.data.flags.c_contiguous
    assert made.data.tolist() == [[0, 3], [1, 4], [2, 5]]


def test_a_scalar_stays_a_scalar() -> None:
    assert tensor("x", np.float32(1)).data.shape == ()


def test_text_becomes_bytes() -> None:
    made = tensor("x", np.array([["a", "é"]]))

    assert made.datatype == "BYTES"
    assert made.data.tolist() == [[b"a", "é".encode()]]


def test_what_no_tensor_holds_is_named() -> None:
    with pytest.raises(InferenceError, match="x is complex64"):
        tensor("x", np.zeros(1, dtype="complex64"))


def test_inputs_that_fit_are_found_by_name() -> None:
    x, mask = given("x", np.zeros((5, 2), "float32")), given("mask", np.zeros(2, bool))

    assert by_name(SPECS, [mask, x]) == {"x": x, "mask": mask}


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([given("y", np.zeros(2))], "unknown input 'y'; the model takes 'x', 'mask'"),
        ([given("x", np.zeros((1, 2)))], "input 'x' is FP64, expected FP32"),
        (
            [given("x", np.zeros((1, 3), "float32"))],
            r"input 'x' has shape \[1, 3\], expected \[-1, 2\]",
        ),
        (
            [given("x", np.zeros((1, 2), "float32"))] * 2,
            "input 'x' is given twice",
        ),
        ([given("x", np.zeros((1, 2), "float32"))], "input 'mask' is missing"),
    ],
)
def test_inputs_that_do_not_fit_are_told(inputs: list[Tensor], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        by_name(SPECS, inputs)


def test_some_rows_tell_what_the_tensor_is() -> None:
    expected = TensorSpec(name="x", datatype="FP32", shape=(-1, 3))

    assert row_spec("x", np.zeros((1, 3), np.float32)) == expected
    with pytest.raises(InferenceError, match="x is complex128"):
        row_spec("x", np.zeros(1, complex))


def test_texts_are_decoded_in_order() -> None:
    assert texts(tensor("x", np.array([["a"], ["é"]]))) == ["a", "é"]


def test_what_is_not_utf8_is_told_by_its_place() -> None:
    data = np.array([b"a", b"\xff"], dtype=object)

    with pytest.raises(InvalidInput, match="element 1 of input 'x' is not UTF-8"):
        texts(Tensor(name="x", datatype="BYTES", data=data))


def test_numbers_are_no_texts() -> None:
    with pytest.raises(InvalidInput, match="input 'x' is FP64, expected BYTES"):
        texts(tensor("x", np.zeros(1)))


def test_zeros_fit_what_they_were_made_for() -> None:
    specs = {**SPECS, "y": TensorSpec(name="y", datatype="BYTES", shape=(-1, -1))}

    made = by_name(specs, zeros(specs.values(), open_size=3).inputs)

    assert made["x"].data.shape == (1, 2)
    assert made["mask"].data.shape == (2,)
    assert made["y"].data.tolist() == [[b"", b"", b""]]


def test_inputs_are_described_by_name_type_and_shape() -> None:
    x, mask = given("x", np.zeros((5, 2), "float32")), given("mask", np.zeros(2, bool))

    assert described([x, mask]) == "'x' (FP32 [5, 2]), 'mask' (BOOL [2])"
    assert described([x] * 25).endswith("'x' (FP32 [5, 2]) and 5 more")
