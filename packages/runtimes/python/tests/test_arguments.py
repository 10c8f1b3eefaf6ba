"""Tensors become the arguments that a predict was written with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import InferRequest, Tensor
from inferry_runtime_python import _arguments

if TYPE_CHECKING:
    from collections.abc import Callable


def numbers(name: str, *values: float) -> Tensor:
    return Tensor(name=name, datatype="FP64", data=np.array(values))


def texts(name: str, *values: bytes) -> Tensor:
    return Tensor(name=name, datatype="BYTES", data=np.array(values, dtype=object))


def called(predict: Callable[..., Any], *tensors: Tensor) -> Any:
    args, kwargs = _arguments.inspected(predict, "Model").arguments(tensors)
    return predict(*args, **kwargs)


def test_one_tensor_goes_to_the_one_argument() -> None:
    assert called(lambda values: values.sum(), numbers("whatever", 1, 2)) == 3


def test_one_tensor_goes_to_the_first_where_others_have_defaults() -> None:
    assert called(lambda a, b=5: a[0] + b, numbers("x", 1)) == 6
    assert called(lambda a=1, b=5: (a, list(b)), numbers("b", 7)) == (1, [7])


def test_several_tensors_go_by_name() -> None:
    assert called(lambda a, b: a[0] - b[0], numbers("b", 1), numbers("a", 5)) == 4


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        ((numbers("a", 1),), "input 'b' is missing; the model takes 'a', 'b'"),
        ((numbers("a", 1), numbers("c", 1)), "unknown input 'c', input 'b' is missing"),
        ((numbers("a", 1), numbers("a", 1)), "'a' is given twice"),
        ((), "no input"),
    ],
)
def test_what_does_not_fit_is_named(tensors: tuple[Tensor, ...], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        called(lambda a, b: a, *tensors)


def test_any_name_goes_where_keywords_do() -> None:
    def predict(**inputs: Any) -> Any:
        return sorted(inputs)

    assert called(predict, numbers("x", 1)) == ["x"]
    assert called(predict, numbers("x", 1), numbers("y", 1)) == ["x", "y"]


def test_a_dict_takes_all() -> None:
    def predict(inputs: dict[str, Any]) -> Any:
        return sorted(inputs)

    assert called(predict, numbers("x", 1), numbers("y", 1)) == ["x", "y"]


def test_a_list_is_given_where_one_is_wanted() -> None:
    def predict(values: list[float]) -> Any:
        return values

    assert called(predict, numbers("x", 1, 2)) == [1.0, 2.0]


def test_text_is_str_and_other_bytes_are_bytes() -> None:
    assert called(lambda t: t.tolist(), texts("t", "ä".encode())) == ["ä"]
    assert called(lambda t: t.tolist(), texts("t", b"ok", b"\xff")) == [b"ok", b"\xff"]


def by_annotation(anything: InferRequest) -> None: ...
def by_name(request): ...  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201 - users write so
def as_text(anything: "inferry.model.InferRequest") -> None: ...  # noqa: F821, UP037
def not_by_name(request: np.ndarray[Any, Any]) -> None: ...


@pytest.mark.parametrize(
    ("predict", "style"),
    [
        (by_annotation, "request"),
        (by_name, "request"),
        (as_text, "request"),
        (not_by_name, "arrays"),
    ],
)
def test_the_style_is_seen(predict: Callable[..., Any], style: str) -> None:
    assert _arguments.inspected(predict, "Model").style == style


def test_a_predict_without_input_is_refused() -> None:
    with pytest.raises(ModelLoadError, match=r"Model\.predict takes no input"):
        _arguments.inspected(lambda: 1, "Model")
