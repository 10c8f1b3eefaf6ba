"""Bodies that have more than was asked for, in a piece of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fakes.store import BlockingStore, Store, content

from inferry.storage import Truncated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from inferry.storage import Entry

pytestmark = pytest.mark.usefixtures("quick")


class Longer(Store):
    """Sends seven bytes more than was asked for; ``times`` counts down."""

    times = 10**6

    def _more(self) -> bytes:
        self.times -= 1
        return bytes(7) if self.times >= 0 else b""

    async def read(
        self, entry: Entry, start: int, length: int | None
    ) -> AsyncIterator[bytes]:
        async for piece in super().read(entry, start, length):
            yield piece
        if more := self._more():
            yield more


class BlockingLonger(Longer, BlockingStore):
    """The same with the way for threads."""

    def read_blocking(
        self, entry: Entry, start: int, length: int | None
    ) -> Iterator[bytes]:
        yield from super().read_blocking(entry, start, length)
        if more := self._more():
            yield more


@pytest.mark.parametrize("kind", [Longer, BlockingLonger])
@pytest.mark.parametrize("size", [3_000, 400_000])
async def test_a_body_that_goes_on_is_refused_again_and_again(
    kind: type[Longer], size: int, run: Any, folder: Path
) -> None:
    store = kind({"a.bin": content(size)})

    for _ in range(2):  # the second run finds nothing of the first to go on from
        with pytest.raises(Truncated, match="more than"):
            await run(store)


@pytest.mark.parametrize("kind", [Longer, BlockingLonger])
@pytest.mark.parametrize("size", [3_000, 400_000])
async def test_one_that_did_so_once_is_read_anew(
    kind: type[Longer], size: int, run: Any, folder: Path
) -> None:
    store = kind({"a.bin": content(size)})
    store.times = 1

    await run(store)

    assert (folder / "a.bin").read_bytes() == store.files["a.bin"]
