"""Whatever a method returns becomes a tensor, or is refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from inferry.errors import InferenceError
from inferry.model import DATATYPES
from inferry_runtime_sklearn import _outputs


@pytest.mark.parametrize(
    ("dtype", "datatype"),
    [("bool", "BOOL"), ("int32", "INT32"), ("float32", "FP32"), ("float64", "FP64")],
)
def test_numbers_keep_their_type(dtype: str, datatype: str) -> None:
    made = _outputs.tensor("predict", np.zeros((2, 1), dtype))

    assert (made.datatype, made.data.dtype.name, made.data.shape) == (
        datatype,
        dtype,
        (2, 1),
    )


@pytest.mark.parametrize("labels", [["ä", "b"], np.array(["ä", "b"], dtype=object)])
def test_labels_become_utf8(labels: object) -> None:
    made = _outputs.tensor("predict", np.array(labels))

    assert made.datatype == "BYTES"
    assert made.data.tolist() == ["ä".encode(), b"b"]


def test_numbers_kept_as_objects_become_numbers() -> None:
    made = _outputs.tensor("predict", np.array([1, 2], dtype=object))

    assert (made.datatype, made.data.tolist()) == ("INT64", [1, 2])


def test_a_sparse_matrix_becomes_dense() -> None:
    assert _outputs.tensor("transform", sparse.eye(2)).data.tolist() == [[1, 0], [0, 1]]


def test_a_list_of_arrays_becomes_an_axis() -> None:
    parts = [np.array([[0.0, 1.0]]), np.array([[0.5, 0.5]])]

    assert _outputs.tensor("predict_proba", parts).data.shape == (1, 2, 2)


def test_arrays_of_different_shapes_are_refused() -> None:
    with pytest.raises(InferenceError, match="different shapes"):
        _outputs.tensor("predict_proba", [np.zeros((1, 2)), np.zeros((1, 3))])


def test_a_type_without_a_tensor_is_named() -> None:
    with pytest.raises(InferenceError, match="complex128"):
        _outputs.tensor("transform", np.zeros(1, complex))


@pytest.mark.parametrize("kind", [">f8", "<f8", "longlong", ">i2"])
def test_numbers_of_any_kind_are_given_as_the_machine_has_them(kind: str) -> None:
    made = _outputs.tensor("predict", np.array([[1, 2]], kind))
    assert made.data.dtype == DATATYPES[made.datatype]
    assert made.data.tolist() == [[1, 2]]
