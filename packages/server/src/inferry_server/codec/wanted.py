"""What a V2 client wants of the outputs: which ones, and each in which form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import Struct

from inferry.errors import InvalidInput
from inferry_server.codec.classification import CLASSIFICATION, classes_wanted
from inferry_server.codec.datatypes import MAX_NAME, check_names
from inferry_server.codec.json_errors import shown
from inferry_server.codec.shared_memory import Region, opened, region_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry_server.codec.shared_memory import SharedMemory


class Output(Struct, gc=False):
    """One requested output as the request has it."""

    name: str
    parameters: dict[str, Any] | None = None


class Wanted(Struct, frozen=True, gc=False):
    """The outputs that the client wants, all if none is named, and in which form.

    ``classes`` holds how many classes are wanted of an output, ``regions`` the place
    in shared memory that it goes to.
    """

    names: tuple[str, ...] = ()
    binary: Mapping[str, bool] = {}
    binary_by_default: bool = False
    classes: Mapping[str, int] = {}
    regions: Mapping[str, Region] = {}

    def is_binary(self, output: str) -> bool:
        """Say whether *output* goes as raw bytes; its own parameter wins."""
        return self.binary.get(output, self.binary_by_default)


#: What a request wants that says nothing of its outputs.
EVERYTHING = Wanted()


def read(
    outputs: Sequence[Output],
    parameters: Mapping[str, Any],
    memory: SharedMemory | None = None,
) -> Wanted:
    """Return what the requested *outputs* and the request's *parameters* say.

    Raises:
        InvalidInput: An output that is named twice, or a parameter that is none.

    """
    names = tuple([output.name for output in outputs])
    if len(names) > 1:
        _check_once(names)
    check_names(names, "output")
    default = parameters.get("binary_data_output", False)
    if type(default) is not bool:
        default = _flag(default, "binary_data_output")
    if not any([output.parameters for output in outputs]):  # noqa: C419 - a third faster
        return (
            Wanted(names, binary_by_default=default) if names or default else EVERYTHING
        )
    found = Wanted(names, {}, default, classes={}, regions={})
    for output in outputs:
        if output.parameters:
            _read_one(output.name, output.parameters, found, memory)
    return found


def _check_once(names: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise InvalidInput(f"output {name[:MAX_NAME]!r} is requested twice")
        seen.add(name)


def _read_one(
    name: str,
    parameters: Mapping[str, Any],
    found: Any,  # noqa: ANN401 - a Wanted whose mappings are still being filled
    memory: SharedMemory | None,
) -> None:
    if "binary_data" in parameters:
        found.binary[name] = _flag(parameters["binary_data"], "binary_data")
    count = classes_wanted(parameters.get(CLASSIFICATION, 0), name)
    if count:
        found.classes[name] = count
    region = region_of(parameters, f"output {name!r}")
    if region is not None:
        opened(memory, f"output {name!r}")
        found.regions[name] = region


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(
            f"parameter {name!r} is {shown(value)}, expected true or false"
        )
    return value
