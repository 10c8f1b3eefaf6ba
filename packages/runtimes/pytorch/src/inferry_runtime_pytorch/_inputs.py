"""Put the tensors of a request where ``forward`` wants them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import torch

from inferry.errors import InvalidInput, ModelLoadError
from inferry.runtime.tensors import by_name
from inferry_runtime_pytorch._program import Argument
from inferry_runtime_pytorch._tensors import given, scalar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.model import Tensor, TensorSpec
    from inferry_runtime_pytorch._program import Program

_POSITION = re.compile(r"(?:input-|INPUT__)(\d{1,3})\Z", re.IGNORECASE)
_TYPES = frozenset({"tensor", "bytes", "int", "float", "bool", "str"})
_Call = tuple[list[Any], dict[str, Any]]


class Inputs:
    """Which input becomes which argument, and what is known of it."""

    def __init__(
        self, program: Program, specs: Sequence[TensorSpec], *, name: str, device: str
    ) -> None:
        _check_types(program.arguments or (), name)
        self.specs = {each.name: each for each in specs}
        self._device = device
        self._check = program.check
        self._arguments = _matched(program.arguments, list(self.specs), name)
        self._known = {
            each.name: each for each in program.arguments or () if each.type in _TYPES
        }
        self._float = program.float_type
        #: Whether integers are given as floats, which a call has shown to be needed.
        self.as_floats = False

    def floats(self, values: Sequence[Any], named: Mapping[str, Any]) -> _Call | None:
        """Return arguments with floats for integers; None if nothing may change.

        JSON writes 1.0 as 1, so where nobody declared the type of an input it is not
        known to be an integer.
        """
        given = [*values, *named.values()]
        if self.specs or self.as_floats or not any(map(_is_integer, given)):
            return None
        return (
            [self._float_of(each) for each in values],
            {name: self._float_of(each) for name, each in named.items()},
        )

    def _float_of(self, value: Any) -> Any:  # noqa: ANN401 - torch has no types
        return value.to(self._float) if _is_integer(value) else value

    def call(self, inputs: Sequence[Tensor]) -> _Call:
        """Return the arguments of ``forward`` for *inputs*.

        Raises:
            InvalidInput: They are not what the model takes.

        """
        if self.specs:
            found = by_name(self.specs, inputs)
            pairs = [(argument, found[name]) for name, argument in self._arguments]
        else:
            pairs = self._open(inputs)
        values = [self._value(argument, tensor) for argument, tensor in pairs]
        if self._check is not None:
            self._check(values)
        if not any(argument.keyword for argument, _ in pairs):
            return values, {}
        named = list(zip((argument for argument, _ in pairs), values, strict=True))
        return (
            [value for argument, value in named if not argument.keyword],
            {argument.name: value for argument, value in named if argument.keyword},
        )

    def _value(self, argument: Argument, tensor: Tensor) -> Any:  # noqa: ANN401 - torch has no types
        if argument.type == "bytes":
            return [bytes(each) for each in tensor.data.ravel()]
        if argument.type != "tensor":
            return scalar(tensor, argument.type)
        value = given(tensor, self._device)
        if self.specs:
            return value
        if value.dtype is torch.float64 or (self.as_floats and _is_integer(value)):
            # JSON has one kind of number; nobody said which one the model wants.
            return value.to(self._float)
        return value

    def _open(self, inputs: Sequence[Tensor]) -> list[tuple[Argument, Tensor]]:
        """Match *inputs* of which only the names of the arguments are known."""
        known = list(self._known.values())
        found: dict[str, tuple[Argument, Tensor]] = {}
        for each in inputs:
            argument = self._named(each.name, known)
            if argument.name in found:
                raise InvalidInput(f"input {each.name!r} is given twice")
            found[argument.name] = (argument, each)
        missing = [each.name for each in known if each.required]
        missing = [name for name in missing if name not in found]
        if missing:
            raise InvalidInput(
                f"input {', '.join(map(repr, missing))} is missing; "
                f"the model takes {self._names()}"
            )
        if not known:
            return list(found.values())
        return self._in_order(found)

    def _in_order(
        self, found: dict[str, tuple[Argument, Tensor]]
    ) -> list[tuple[Argument, Tensor]]:
        """Return *found* as forward has it; after a gap arguments go by name."""
        made: list[tuple[Argument, Tensor]] = []
        gap = False
        for name in self._known:
            if name not in found:
                gap = True
                continue
            argument, tensor = found[name]
            made.append((_by_keyword(argument) if gap else argument, tensor))
        return made

    def _named(self, name: str, known: list[Argument]) -> Argument:
        if not known:
            return Argument(name=name)
        position = _POSITION.match(name)
        if name in self._known:
            return self._known[name]
        if position and int(position[1]) < len(known):
            return known[int(position[1])]
        raise InvalidInput(f"unknown input {name!r}; the model takes {self._names()}")

    def _names(self) -> str:
        return ", ".join(map(repr, self._known)) or "none"


def _is_integer(value: Any) -> bool:  # noqa: ANN401 - as above
    return isinstance(value, torch.Tensor) and value.dtype is torch.int64


def _check_types(arguments: Sequence[Argument], model: str) -> None:
    for each in arguments:
        if each.required and each.type not in _TYPES:
            raise ModelLoadError(
                f"forward of {model} takes {each.name!r} of type {each.type}, which "
                "no request can hold",
                remedy="wrap the model in a module whose forward takes tensors",
            )


def _by_keyword(argument: Argument) -> Argument:
    return Argument(
        name=argument.name,
        type=argument.type,
        required=argument.required,
        keyword=True,
    )


def _matched(
    arguments: Sequence[Argument] | None, names: list[str], model: str
) -> list[tuple[str, Argument]]:
    """Return the declared inputs in the order of ``forward``, with its arguments.

    They are matched by name; where no name fits, by their order.

    Raises:
        ModelLoadError: There are too many or too few, or some names fit and some not.

    """
    if not names:
        return []
    if arguments is None:
        return [(name, Argument(name=name)) for name in names]
    known = {each.name: each for each in arguments if each.type in _TYPES}
    required = [each.name for each in arguments if each.required]
    if set(names) <= set(known) and set(required) <= set(names):
        return _with_gaps(arguments, names)
    by_order = not set(names) & set(known)
    if by_order and len(required) <= len(names) <= len(arguments):
        return list(zip(names, arguments, strict=False))
    raise ModelLoadError(
        f"{model} takes {', '.join(map(repr, known)) or 'nothing'}, and "
        f"{', '.join(map(repr, names))} is declared",
        remedy="declare each argument of forward that has no default, by its name "
        "(option inputs, metadata.json)",
    )


def _with_gaps(
    arguments: Sequence[Argument], names: list[str]
) -> list[tuple[str, Argument]]:
    made: list[tuple[str, Argument]] = []
    gap = False
    for each in arguments:
        if each.name in names:
            made.append((each.name, _by_keyword(each) if gap else each))
        else:
            gap = True
    return made
