"""The objects of a pack, within bounds that hold before anything is allocated.

The format is that of gitformat-pack(5). Everything that a pack says of itself, sizes,
bases, counts, is a stranger's: nothing is inflated past the size that was announced,
and the sizes announced are added up first.
"""

from __future__ import annotations

import hashlib
import mmap
import threading
import zlib
from collections import OrderedDict, defaultdict
from typing import IO, TYPE_CHECKING

import msgspec

from inferry.storage import Corrupt, TooLarge
from inferry_storage.backends.git.delta import MAX_MADE, changed

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = {1: "commit", 2: "tree", 3: "blob", 4: "tag"}
_OFFSET_DELTA, _REFERENCE_DELTA = 6, 7
_OID = 20
_HEADER = 12
_CHUNK = 64 * 1024
_MAX_DEPTH = 250
_CACHED = 32 * 2**20
_CONTINUES = 0x80
_LOW_BITS = 0x7F
_PAST = "what is in git itself is past the limit"


class _Placed(msgspec.Struct, kw_only=True):
    """An object of the pack: where its bytes begin, and what it is made from."""

    data: int
    size: int
    kind: str = ""
    base: int = -1
    made: int = 0
    depth: int = 0


class Pack:
    """Finds objects by their name; *limit* is for the bytes of all of them."""

    def __init__(self, file: IO[bytes], *, limit: int, most: int) -> None:
        file.seek(0, 2)
        if file.tell() < _HEADER + _OID:
            raise Corrupt("the pack is too short", remedy="try again")
        self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._limit = limit
        self._budget = 8 * limit
        self._objects: dict[int, _Placed] = {}
        self._names: dict[bytes, int] = {}
        self._made: OrderedDict[int, bytes] = OrderedDict()
        self._kept = 0
        self._lock = threading.Lock()
        self._scan(most)

    def close(self) -> None:
        """Give back the file's pages."""
        self._map.close()

    def kind(self, name: bytes) -> str:
        """Return what *name* is, empty if it is not in the pack."""
        place = self._names.get(name)
        return "" if place is None else self._objects[place].kind

    def size(self, name: bytes) -> int:
        """Return how many bytes *name* has."""
        return self._size(self._names[name])

    def load(self, name: bytes, limit: int = MAX_MADE) -> bytes:
        """Return the bytes of *name*.

        Raises:
            TooLarge: They are past *limit*.
            Corrupt: It is not in the pack, or broken there.

        """
        place = self._names.get(name)
        if place is None:
            raise Corrupt(f"the pack lacks the object {name.hex()[:12]}")
        if self._size(place) > limit:
            raise TooLarge(f"an object of git is past {limit / 2**20:.0f} MiB")
        with self._lock:
            return self._load(place)

    def read(self, name: bytes) -> Iterator[bytes]:
        """Yield the bytes of *name*, in parts where the pack has them as they are."""
        place = self._names[name]
        one = self._objects[place]
        if one.base >= 0:
            yield self.load(name)
        else:
            yield from (chunk for chunk, _ in self._inflate(one.data, one.size))

    def _scan(self, most: int) -> None:
        end = len(self._map) - _OID
        digest = hashlib.sha1(memoryview(self._map)[:end], usedforsecurity=False)
        if self._map[:4] != b"PACK" or digest.digest() != self._map[end:]:
            raise Corrupt("the pack is not what its checksum says", remedy="try again")
        count = int.from_bytes(self._map[8:_HEADER], "big")
        if count > most:
            raise TooLarge(
                f"the commit has {count} objects", remedy="raise [storage] max_files"
            )
        place, total = _HEADER, 0
        by_name: dict[int, bytes] = {}
        for _ in range(count):
            place, size = self._scan_one(place, by_name)
            total += size
            if total > self._limit:
                raise TooLarge(_PAST)
        if place != end:
            raise Corrupt("the pack has more than it says", remedy="try again")
        self._name_the_made(by_name)

    def _scan_one(self, place: int, by_name: dict[int, bytes]) -> tuple[int, int]:
        """Note the object at *place*; return where the next one is, and its size."""
        kind, size, data = self._head(place)
        one = _Placed(data=data, size=size)
        if kind == _REFERENCE_DELTA:
            by_name[place] = self._map[data : data + _OID]
            one.data += _OID
        elif kind == _OFFSET_DELTA:
            back, one.data = self._back(data)
            one.base = place - back
            if one.base not in self._objects:
                raise Corrupt("the pack names a base that it lacks")
        elif kind in _KINDS:
            one.kind = _KINDS[kind]
        else:
            raise Corrupt(f"the pack has an object of kind {kind}")
        if kind not in _KINDS and size > MAX_MADE:
            raise TooLarge(_PAST)
        digest = hashlib.sha1(f"{one.kind} {size}\0".encode(), usedforsecurity=False)
        end = one.data
        for chunk, end in self._inflate(one.data, size):  # noqa: B007 - ends last
            digest.update(chunk)
        if one.kind:
            self._names[digest.digest()] = place
        self._objects[place] = one
        return end, size

    def _head(self, place: int) -> tuple[int, int, int]:
        """Return the kind, the size and where the rest is of the object at *place*."""
        byte = self._byte(place)
        kind, size, shift = byte >> 4 & 7, byte & 15, 4
        while byte & _CONTINUES:
            place += 1
            byte = self._byte(place)
            size |= (byte & _LOW_BITS) << shift
            shift += 7
            if size > self._limit:
                raise TooLarge(_PAST)
        return kind, size, place + 1

    def _back(self, place: int) -> tuple[int, int]:
        byte = self._byte(place)
        back = byte & _LOW_BITS
        while byte & _CONTINUES:
            place += 1
            byte = self._byte(place)
            back = (back + 1) << 7 | byte & _LOW_BITS
            if back > len(self._map):
                raise Corrupt("the pack names a base before its begin")
        return back, place + 1

    def _byte(self, place: int) -> int:
        if place >= len(self._map) - _OID:
            raise Corrupt("the pack ends early", remedy="try again")
        return self._map[place]

    def _inflate(self, place: int, size: int) -> Iterator[tuple[bytes, int]]:
        """Yield the *size* bytes at *place*, each part with where its input ends."""
        end = len(self._map) - _OID
        inflater = zlib.decompressobj()
        given = b""
        left = size
        while not inflater.eof:
            if not given:
                given = self._map[place : min(place + _CHUNK, end)]
                place += len(given)
            starved = not given
            try:
                # One byte more than there may be shows that there is more.
                chunk = inflater.decompress(given, min(_CHUNK, left) + 1)
            except zlib.error:
                raise Corrupt("the pack is broken", remedy="try again") from None
            given = inflater.unconsumed_tail
            left -= len(chunk)
            if left < 0 or (starved and not chunk and not inflater.eof):
                raise Corrupt("an object of the pack has another size than it says")
            if chunk or inflater.eof:
                # At the end, what is left may stand in both.
                rest = inflater.unused_data if inflater.eof else given
                yield chunk, place - len(rest)
        if left:
            raise Corrupt("an object of the pack has another size than it says")

    def _name_the_made(self, by_name: dict[int, bytes]) -> None:
        """Name the objects that are made from others, each after its base."""
        children: dict[int, list[int]] = defaultdict(list)
        awaited: dict[bytes, list[int]] = defaultdict(list)
        for place, sought in by_name.items():
            awaited[sought].append(place)
        for place, one in self._objects.items():
            if one.base >= 0:
                children[one.base].append(place)
        ready = [place for place, one in self._objects.items() if one.kind]
        named = {place: name for name, place in self._names.items()}
        while ready:
            base = ready.pop()
            for place in [
                *children.pop(base, []),
                *awaited.pop(named.get(base, b""), []),
            ]:
                name = self._made_from(place, base)
                self._names[name], named[place] = place, name
                ready.append(place)
        if children or awaited:
            raise Corrupt("the pack names a base that it lacks")

    def _made_from(self, place: int, base: int) -> bytes:
        one, parent = self._objects[place], self._objects[base]
        one.base, one.kind, one.depth = base, parent.kind, parent.depth + 1
        if one.depth > _MAX_DEPTH:
            raise Corrupt(f"the pack has a chain of more than {_MAX_DEPTH} changes")
        data = self._load(place)
        one.made = len(data)
        head = f"{one.kind} {len(data)}\0".encode()
        return hashlib.sha1(head + data, usedforsecurity=False).digest()

    def _size(self, place: int) -> int:
        one = self._objects[place]
        return one.size if one.base < 0 else one.made

    def _load(self, place: int) -> bytes:
        changes = []
        while place not in self._made and self._objects[place].base >= 0:
            changes.append(place)
            place = self._objects[place].base
        data = self._made.get(place)
        if data is None:
            if self._objects[place].size > MAX_MADE:
                raise TooLarge(_PAST)
            data = self._whole(place)
        for each in reversed(changes):
            data = changed(data, self._whole(each))
            self._spend(len(data))
            self._keep(each, data)
        return data

    def _whole(self, place: int) -> bytes:
        one = self._objects[place]
        self._spend(one.size)
        return b"".join(chunk for chunk, _ in self._inflate(one.data, one.size))

    def _spend(self, size: int) -> None:
        """Bound the work that a pack makes: small ones can ask for very much."""
        self._budget -= size
        if self._budget < 0:
            raise TooLarge(_PAST)

    def _keep(self, place: int, data: bytes) -> None:
        """Keep what was made last: it is often the base of what is made next."""
        if place in self._made:
            return
        self._made[place] = data
        self._kept += len(data)
        while self._kept > _CACHED and len(self._made) > 1:
            self._kept -= len(self._made.popitem(last=False)[1])
