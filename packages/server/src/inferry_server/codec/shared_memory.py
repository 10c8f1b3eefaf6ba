"""Tensors that lie in shared memory instead of the message.

A tensor refers to its place by three parameters, the same in HTTP and gRPC. What the
names mean is for whoever opened the regions: see `SharedMemory`.
Source: Triton, "Shared-Memory Extension".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from inferry.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

REGION = "shared_memory_region"
BYTE_SIZE = "shared_memory_byte_size"
OFFSET = "shared_memory_offset"


class SharedMemory(Protocol):
    """The regions that are registered; both raise InvalidInput that names the region.

    They check that *offset* and *size* lie within the region.
    """

    def read(self, region: str, offset: int, size: int) -> memoryview:
        """Return *size* bytes of *region*, without a copy where that is possible."""

    def write(self, region: str, offset: int, data: bytes | memoryview) -> None:
        """Put *data* into *region* at *offset*."""


class Region(Struct, frozen=True, gc=False):
    """Where one tensor lies: *size* bytes of the region *name* from *offset* on."""

    name: str
    size: int
    offset: int = 0

    def parameters(self, used: int) -> dict[str, Any]:
        """Return what an answer says of a tensor of *used* bytes in this place."""
        found: dict[str, Any] = {REGION: self.name, BYTE_SIZE: used}
        if self.offset:
            found[OFFSET] = self.offset
        return found


def region_of(parameters: Mapping[str, Any], what: str) -> Region | None:
    """Return the place that *parameters* name, None if they name none.

    Raises:
        InvalidInput: They name it in part or wrongly; *what* is told in the error.

    """
    if REGION not in parameters:
        for name in (BYTE_SIZE, OFFSET):
            if name in parameters:
                raise InvalidInput(f"{what}: {name!r} is given without {REGION!r}")
        return None
    name = parameters[REGION]
    if not isinstance(name, str):
        raise InvalidInput(f"{what}: {REGION!r} is no string")
    if BYTE_SIZE not in parameters:
        raise InvalidInput(f"{what}: {REGION!r} is given without {BYTE_SIZE!r}")
    return Region(
        name, _bytes(parameters, BYTE_SIZE, what), _bytes(parameters, OFFSET, what)
    )


def _bytes(parameters: Mapping[str, Any], name: str, what: str) -> int:
    value = parameters.get(name, 0)
    if type(value) is not int or not 0 <= value < 2**63:
        raise InvalidInput(f"{what}: {name!r} is no number of bytes")
    return value


def opened(memory: SharedMemory | None, what: str) -> SharedMemory:
    """Return *memory*, which must be there because *what* refers to it.

    Raises:
        InvalidInput: This server has none.

    """
    if memory is None:
        raise InvalidInput(
            f"{what}: the parameter {REGION!r} is not supported, because this server "
            "was started without shared memory"
        )
    return memory


def put(data: bytes | memoryview, region: Region, memory: SharedMemory | None) -> int:
    """Write an output's *data* to its *region*; return how many bytes it takes.

    Raises:
        InvalidInput: No shared memory here, or not enough room in it.

    """
    what = f"shared memory region {region.name!r}"
    if len(data) > region.size:
        raise InvalidInput(
            f"{what}: the output takes {len(data)} bytes, {BYTE_SIZE!r} is "
            f"{region.size}"
        )
    opened(memory, what).write(region.name, region.offset, data)
    return len(data)
