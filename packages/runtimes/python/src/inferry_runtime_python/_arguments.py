"""Which style a ``predict`` is written in, and its arguments from the tensors."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_origin

import msgspec

from inferry.errors import InvalidInput, ModelLoadError
from inferry.model import InferRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from inferry.model import Tensor

Style = Literal["arrays", "mapping", "request"]
_POSITIONAL = {
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
}


class Inputs(msgspec.Struct, frozen=True, kw_only=True):
    """How to call a ``predict``.

    ``request`` takes an `InferRequest`; ``mapping`` one dict of all arrays; ``arrays``
    one argument per tensor, ``names`` are its parameters, ``required`` those without a
    default, ``lists`` those that want a list, ``any_name`` says it has ``**kwargs``.
    """

    style: Style
    names: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    lists: frozenset[str] = frozenset()
    any_name: bool = False

    def arguments(self, tensors: Sequence[Tensor]) -> tuple[list[Any], dict[str, Any]]:
        """Return the positional and the keyword arguments for *tensors*.

        Raises:
            InvalidInput: A tensor is missing, unknown or given twice.

        """
        if not tensors:
            raise InvalidInput("the request has no input")
        arrays = _by_name(tensors)
        if self.style == "mapping":
            return [{name: array(tensor) for name, tensor in arrays.items()}], {}
        if len(arrays) == 1 and self._takes_one():
            (tensor,) = arrays.values()
            name = tensor.name if tensor.name in self.names else self.names[0]
            return self._bound({name: tensor})
        unknown = [name for name in arrays if name not in self.names]
        missing = [name for name in self.required if name not in arrays]
        if (unknown and not self.any_name) or missing:
            raise InvalidInput(self._misfit(unknown, missing))
        return self._bound(arrays)

    def _takes_one(self) -> bool:
        return bool(self.names) and len(self.required) <= 1

    def _bound(self, tensors: Mapping[str, Tensor]) -> tuple[list[Any], dict[str, Any]]:
        values = {
            name: array(tensor).tolist() if name in self.lists else array(tensor)
            for name, tensor in tensors.items()
        }
        return [], values

    def _misfit(self, unknown: list[str], missing: list[str]) -> str:
        said = [f"unknown input {name!r}" for name in unknown if not self.any_name]
        said += [f"input {name!r} is missing" for name in missing]
        return f"{', '.join(said)}; the model takes {', '.join(map(repr, self.names))}"


def inspected(predict: Callable[..., Any], owner: str) -> Inputs:
    """Read the signature of *predict*.

    Raises:
        ModelLoadError: It takes no argument, or some by position only.

    """
    parameters = list(inspect.signature(predict).parameters.values())
    named = [p for p in parameters if p.kind in {*_POSITIONAL, p.KEYWORD_ONLY}]
    any_name = any(p.kind is p.VAR_KEYWORD for p in parameters)
    if not named and not any_name:
        raise ModelLoadError(
            f"{owner}.predict takes no input",
            remedy="give it one argument per input, such as predict(self, values)",
        )
    if len(named) == 1 and not any_name:
        if _is_request(named[0]):
            return Inputs(style="request")
        if _is_mapping(named[0]):
            return Inputs(style="mapping")
    return Inputs(
        style="arrays",
        names=tuple(p.name for p in named),
        required=tuple(p.name for p in named if p.default is p.empty),
        lists=frozenset(p.name for p in named if _is_list(p)),
        any_name=any_name,
    )


def array(tensor: Tensor) -> np.ndarray[Any, Any]:
    """Return the data of *tensor*; BYTES that are all UTF-8 text become str."""
    if tensor.datatype != "BYTES":
        return tensor.data
    try:
        texts = [element.decode() for element in tensor.data.flat]
    except UnicodeDecodeError:
        return tensor.data
    made = tensor.data.copy()
    made.reshape(-1)[:] = texts
    return made


def _by_name(tensors: Sequence[Tensor]) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for tensor in tensors:
        if tensor.name in found:
            raise InvalidInput(f"input {tensor.name!r} is given twice")
        found[tensor.name] = tensor
    return found


def _annotation(parameter: inspect.Parameter) -> Any:  # noqa: ANN401 - any annotation
    note = parameter.annotation
    return "" if note is parameter.empty else note


def _is_request(parameter: inspect.Parameter) -> bool:
    note = _annotation(parameter)
    if isinstance(note, str):
        plain = note.strip("'\"").rpartition(".")[2]
        return plain == "InferRequest" or (not note and parameter.name == "request")
    return note is InferRequest


def _is_mapping(parameter: inspect.Parameter) -> bool:
    note = _annotation(parameter)
    if isinstance(note, str):
        plain = note.partition("[")[0].rpartition(".")[2]
        return plain in {"dict", "Dict", "Mapping"}
    return (get_origin(note) or note) in {dict, Mapping}


def _is_list(parameter: inspect.Parameter) -> bool:
    note = _annotation(parameter)
    if isinstance(note, str):
        return note.partition("[")[0].rpartition(".")[2] in {"list", "List"}
    return (get_origin(note) or note) is list
