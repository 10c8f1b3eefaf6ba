"""The engine and a client of its own package over real connections that break."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest
from fakes.store import content

from inferry.storage import Access, Source, Unreachable
from inferry_storage.backends.https import HttpsStorage
from inferry_storage.policy import Policy
from inferry_storage.progress import Reporter
from inferry_storage.transfer import transfer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KIB = 1024
DATA = content(900 * KIB)
pytestmark = pytest.mark.usefixtures("quick")


async def fetched(url: str, folder: Path) -> Reporter:
    given = {
        "cache_dir": str(folder),
        "allow_http": True,
        "allow_networks": ["127.0.0.0/8"],
        "stall_seconds": 5.0,
    }
    client = HttpsStorage(Access(settings=given))
    reporter = Reporter(url)
    try:
        await transfer(
            await client.resolve(Source(uri=url)),
            client,
            folder,
            policy=Policy.of(given),
            reporter=reporter,
        )
    finally:
        await client.close()
    return reporter


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


@pytest.fixture
def cuts(web: Any) -> Callable[[float, int], None]:
    def begin(share: float, after: int) -> None:
        chance = random.Random(1)

        def answer(handler: Any) -> None:
            is_cut = handler.command == "GET" and chance.random() < share
            web.send(handler, DATA, cut=after if is_cut else None)

        web.routes["/model.bin"] = answer

    return begin


@pytest.mark.parametrize("after", [0, 5 * KIB, 40 * KIB])
async def test_most_connections_may_be_cut(
    after: int,
    web: Any,
    cuts: Callable[[float, int], None],
    folder: Path,
) -> None:
    cuts(0.6, after)

    reporter = await fetched(web.url("/model.bin"), folder)

    assert (folder / "model.bin").read_bytes() == DATA
    assert names(folder) == ["model.bin"]
    assert reporter.retries > 0
    assert reporter.fetched == len(DATA)


async def test_a_server_that_cuts_every_connection_is_done_with_at_last(
    web: Any, cuts: Callable[[float, int], None], folder: Path
) -> None:
    cuts(1.0, 50 * KIB)

    await fetched(web.url("/model.bin"), folder)

    assert (folder / "model.bin").read_bytes() == DATA


async def test_a_server_that_gives_nothing_is_given_up(
    web: Any, cuts: Callable[[float, int], None], folder: Path
) -> None:
    cuts(1.0, 0)

    with pytest.raises(Unreachable):
        await fetched(web.url("/model.bin"), folder)
