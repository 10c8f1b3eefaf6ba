"""A model is asked with zeros of one size after the other, until it answers."""

from __future__ import annotations

import numpy as np
import pytest

from inferry.errors import InferenceError, InvalidInput
from inferry.model import InferRequest, TensorSpec
from inferry.runtime.warm_up import answered


class Model:
    """Answers if the last axis of its input has the size that it *takes*."""

    def __init__(self, takes: int, error: type[Exception] = InvalidInput) -> None:
        self.takes = takes
        self.error = error
        self.shapes: list[tuple[int, ...]] = []

    def predict(self, request: InferRequest) -> None:
        shape = request.inputs[0].data.shape
        self.shapes.append(shape)
        if shape[-1] != self.takes:
            raise self.error(str(shape))


def spec(*shape: int) -> TensorSpec:
    return TensorSpec(name="x", datatype="FP32", shape=shape)


@pytest.mark.parametrize("error", [InvalidInput, InferenceError])
def test_the_first_size_that_works_is_taken_with_one_row(
    error: type[Exception],
) -> None:
    model = Model(takes=64, error=error)

    request = answered([spec(-1, -1)], model.predict)

    assert request is not None
    assert request.inputs[0].data.shape == (1, 64)
    assert not np.any(request.inputs[0].data)


def test_sizes_are_tried_in_the_order_given() -> None:
    model = Model(takes=1)

    answered([spec(2, -1)], model.predict, (32, 1, 64))

    assert model.shapes == [(2, 32), (2, 1)]


def test_what_answers_no_size_has_no_request() -> None:
    assert answered([spec(-1, -1)], Model(takes=7).predict) is None


def test_without_open_axes_but_rows_one_request_is_enough() -> None:
    model = Model(takes=7)

    assert answered([spec(-1, 3)], model.predict) is None
    assert model.shapes == [(1, 3)]


def test_the_only_axis_may_be_a_length() -> None:
    model = Model(takes=64)

    request = answered([spec(-1)], model.predict)

    assert request is not None
    assert model.shapes == [(1,), (16,), (64,)]


def test_another_error_is_not_swallowed() -> None:
    with pytest.raises(RuntimeError):
        answered([spec(-1)], Model(takes=7, error=RuntimeError).predict)
