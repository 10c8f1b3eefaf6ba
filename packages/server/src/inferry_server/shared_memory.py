"""POSIX shared memory that clients have registered, for tensors outside of bodies.

A region is read and written through its file, not mapped: what is read is a copy that
nobody changes while a model looks at it, and a client that shrinks its segment gets an
error where a mapping would end the process (SIGBUS).
Source: Triton, "Shared-Memory Extension".
"""

from __future__ import annotations

import contextlib
import os
import re
import stat

from msgspec import Struct

from inferry.errors import InvalidInput, ModelNotFound
from inferry_server.errors import Conflict

_FOLDER = "/dev/shm"  # noqa: S108 - where POSIX puts shared memory on Linux
_KEY = re.compile(r"/?[A-Za-z0-9_][A-Za-z0-9_.:@+-]{0,200}\Z")
_MOST_REGIONS = 1024
_LONGEST_NAME = 1024
_LARGEST = 2**63


class RegionStatus(Struct, frozen=True, kw_only=True):
    """One region that is registered: *byte_size* bytes of *key* from *offset* on."""

    name: str
    key: str
    offset: int
    byte_size: int


class _Region:
    """An open segment; it is closed when nobody reads or writes it any more."""

    def __init__(self, status: RegionStatus, file: int) -> None:
        self.status = status
        self.file = file

    def __del__(self) -> None:
        os.close(self.file)


class SharedMemoryRegions:
    """The regions of one server, by name; what `inferry_server.codec` reads and writes.

    A region holds its segment open, so that it stays the one that was registered even
    if its name is used for another.
    """

    def __init__(self) -> None:
        self._regions: dict[str, _Region] = {}

    def register(self, name: str, key: str, offset: int, byte_size: int) -> None:
        """Give *byte_size* bytes of the segment *key*, from *offset* on, a *name*.

        Raises:
            InvalidInput: No such segment, or it is smaller.
            Conflict: There is a region of that name.

        """
        what = f"shared memory region {name[:100]!r}"
        if not name or len(name) > _LONGEST_NAME:
            raise InvalidInput(f"{what}: a name has 1 to {_LONGEST_NAME} characters")
        if name in self._regions:
            raise Conflict(f"{what} already in manager")
        if len(self._regions) >= _MOST_REGIONS:
            raise InvalidInput(f"{what}: there are {_MOST_REGIONS} regions already")
        if not 0 <= offset < _LARGEST or not 0 < byte_size < _LARGEST:
            raise InvalidInput(f"{what}: offset or byte_size is out of range")
        file = _open(key, what)
        size = os.fstat(file).st_size
        if offset + byte_size > size:
            os.close(file)
            raise InvalidInput(
                f"{what}: {byte_size} bytes from {offset} on are asked for, the "
                f"segment has {size}"
            )
        status = RegionStatus(name=name, key=key, offset=offset, byte_size=byte_size)
        self._regions[name] = _Region(status, file)

    def status(self, name: str = "") -> list[RegionStatus]:
        """Return the region *name*, or all where it is empty.

        Raises:
            ModelNotFound: There is no region *name*.

        """
        if not name:
            return [region.status for region in self._regions.values()]
        if name not in self._regions:
            raise ModelNotFound(
                f"Unable to find system shared memory region: {name[:100]!r}"
            )
        return [self._regions[name].status]

    def unregister(self, name: str = "") -> None:
        """Let go of the region *name*, or of all; one that is not there is no error."""
        for known in [name] if name else list(self._regions):
            self._regions.pop(known, None)

    def read(self, region: str, offset: int, size: int) -> memoryview:
        """Return a copy of *size* bytes of *region* from *offset* on.

        Raises:
            InvalidInput: They do not lie within the region, or the client has shrunk
                its segment.

        """
        found, start = self._place(region, offset, size)
        if start + size > os.fstat(found.file).st_size:
            raise _shrunk(region)
        buffer = bytearray(size)
        view = memoryview(buffer)
        done = 0
        while done < size:
            count = os.preadv(found.file, [view[done:]], start + done)
            if not count:
                raise _shrunk(region)
            done += count
        return view

    def write(self, region: str, offset: int, data: bytes | memoryview) -> None:
        """Put *data* into *region* at *offset*.

        Raises:
            InvalidInput: It does not fit there, or the segment cannot be written.

        """
        view = memoryview(data).cast("B")
        found, start = self._place(region, offset, len(view))
        if start + len(view) > os.fstat(found.file).st_size:
            raise _shrunk(region)
        done = 0
        try:
            while done < len(view):
                done += os.pwrite(found.file, view[done:], start + done)
        except OSError as error:
            raise InvalidInput(
                f"shared memory region {region[:100]!r} cannot be written: "
                f"{error.strerror}"
            ) from None

    def _place(self, name: str, offset: int, size: int) -> tuple[_Region, int]:
        region = self._regions.get(name)
        if region is None:
            raise InvalidInput(
                f"Unable to find shared memory region: {name[:100]!r}; register it "
                "first"
            )
        status = region.status
        if offset < 0 or size < 0 or offset + size > status.byte_size:
            raise InvalidInput(
                f"Invalid offset + byte size for shared memory region: {name!r}: "
                f"{size} bytes from {offset} on, it has {status.byte_size}"
            )
        return region, status.offset + offset


def _open(key: str, what: str) -> int:
    if not _KEY.match(key):
        raise InvalidInput(
            f"{what}: {key[:100]!r} is no key of a segment; expected one name, such "
            "as '/input_data'"
        )
    path = os.path.join(_FOLDER, key.removeprefix("/"))  # noqa: PTH118 - a checked name
    flags = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    file = -1
    with contextlib.suppress(OSError):
        file = os.open(path, os.O_RDWR | flags)
    if file < 0:
        try:
            file = os.open(path, os.O_RDONLY | flags)
        except OSError:
            raise _not_there(what, key) from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise _not_there(what, key)
    return file


def _not_there(what: str, key: str) -> InvalidInput:
    return InvalidInput(f"{what}: Unable to open shared memory region: {key!r}")


def _shrunk(region: str) -> InvalidInput:
    return InvalidInput(
        f"shared memory region {region[:100]!r} is smaller than when it was registered"
    )
