"""The hub's files come at one commit, from wherever it keeps them."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import pytest
from fakes.hub import Repository
from fakes.site import Answer

from inferry.storage import (
    Access,
    Corrupt,
    Credentials,
    EmptyModel,
    Entry,
    NotAllowed,
    NotFound,
    Snapshot,
    Source,
    TooLarge,
    Truncated,
    Unreachable,
)
from inferry.testing import StorageTests
from inferry_storage.backends.hf import HubStorage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fakes.hub import Hub

LARGE = bytes(range(256)) * 20
FILES = {"config.json": b"{}", "empty.bin": b"", "weights/a b+#.bin": LARGE}


class TestHubStorage(StorageTests):
    client = HubStorage

    @pytest.fixture
    def source(self, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> str:
        hub.repositories["owner/model"] = Repository(self.tree)
        monkeypatch.setattr(type(self), "credentials", _values(hub))
        monkeypatch.setattr(type(self), "settings", {"endpoints": [hub.cdn.url]})
        return "hf://owner/model"


def _values(hub: Hub) -> dict[str, str]:
    return {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token}


def client(
    hub: Hub, values: Mapping[str, str] | None = None, **given: object
) -> HubStorage:
    return HubStorage(
        Access(
            settings={"endpoints": [hub.cdn.url], **given},
            credentials=Credentials(
                rung="environment", values=_values(hub) if values is None else values
            ),
        )
    )


async def resolved(
    hub: Hub, uri: str = "hf://owner/model", **given: object
) -> Snapshot:
    storage = client(hub, **given)
    try:
        return await storage.resolve(Source(uri=uri))
    finally:
        await storage.close()


async def read(
    storage: HubStorage, entry: Entry, start: int, length: int | None
) -> bytes:
    return b"".join([chunk async for chunk in storage.read(entry, start, length)])


@pytest.fixture
def repository(hub: Hub) -> Repository:
    hub.repositories["owner/model"] = Repository(FILES)
    return hub.repositories["owner/model"]


@pytest.mark.usefixtures("repository")
async def test_each_file_has_its_size_and_its_digest(hub: Hub) -> None:
    snapshot = await resolved(hub)

    found = {entry.path: (entry.size, entry.digest) for entry in snapshot.entries}
    small = hashlib.sha1(b"blob 2\0{}").hexdigest()
    large = hashlib.sha256(LARGE).hexdigest()
    assert found["config.json"] == (2, f"git-sha1:{small}")
    assert found["weights/a b+#.bin"] == (len(LARGE), f"sha256:{large}")


async def test_a_commit_that_moves_does_not_touch_what_was_resolved(
    hub: Hub, repository: Repository
) -> None:
    storage = client(hub)
    before = await storage.resolve(Source(uri="hf://owner/model"))
    repository.commit({"config.json": b"another"})

    assert await read(storage, before.entries[0], 0, None) == b"{}"
    assert (await storage.resolve(Source(uri="hf://owner/model"))).id != before.id
    await storage.close()


async def test_a_revision_is_a_branch_a_tag_or_a_commit(
    hub: Hub, repository: Repository
) -> None:
    first = repository.branches["main"]
    repository.commit({"new.bin": b"new"}, branch="next")

    assert len((await resolved(hub, f"hf://owner/model@{first}")).entries) == len(FILES)
    assert [e.path for e in (await resolved(hub, "hf://owner/model:next")).entries] == [
        "new.bin"
    ]


@pytest.mark.usefixtures("repository")
async def test_a_path_is_a_folder_or_one_file(hub: Hub) -> None:
    folder = await resolved(hub, "hf://owner/model/weights")
    file = await resolved(hub, "hf://owner/model/weights/a%20b+%23.bin")

    assert [entry.path for entry in folder.entries] == ["a b+#.bin"]
    assert [entry.path for entry in file.entries] == ["a b+#.bin"]
    with pytest.raises(NotFound, match="has no 'weight'"):
        await resolved(hub, "hf://owner/model/weight")


async def test_thousands_of_files_come_in_pages(hub: Hub) -> None:
    files = {f"shard-{number:04}.bin": b"" for number in range(2500)}
    hub.repositories["owner/model"] = Repository(files)

    assert len((await resolved(hub)).entries) == 2500
    with pytest.raises(TooLarge, match="more than 1200 files"):
        await resolved(hub, max_files=1200)


@pytest.mark.usefixtures("repository")
async def test_a_large_file_is_read_elsewhere_and_without_the_token(hub: Hub) -> None:
    storage = client(hub)
    snapshot = await storage.resolve(Source(uri="hf://owner/model"))
    entry = snapshot.entries[-1]

    assert await read(storage, entry, 0, None) == LARGE
    assert await read(storage, entry, 7, 100) == LARGE[7:107]
    await storage.close()
    assert all("authorization" not in asked.headers for asked in hub.cdn.asked)
    assert sum("/resolve/" in asked.path for asked in hub.asked) == 1


@pytest.mark.usefixtures("repository")
async def test_a_thread_reads_the_same(hub: Hub) -> None:
    storage = client(hub)
    for entry in (await storage.resolve(Source(uri="hf://owner/model"))).entries:
        whole = await asyncio.to_thread(_joined, storage, entry, 0, None)
        part = await asyncio.to_thread(_joined, storage, entry, 1, 1)

        assert whole == FILES[entry.path]
        assert part == FILES[entry.path][1:2]
    hub.cdn.signature = "another"
    assert await asyncio.to_thread(_joined, storage, entry, 9, 9) == LARGE[9:18]
    await storage.close()
    assert all("authorization" not in asked.headers for asked in hub.cdn.asked)


def _joined(storage: HubStorage, entry: Entry, start: int, length: int | None) -> bytes:
    return b"".join(storage.read_blocking(entry, start, length))


@pytest.mark.usefixtures("repository")
async def test_an_address_that_has_expired_is_asked_for_again(hub: Hub) -> None:
    storage = client(hub)
    entry = (await storage.resolve(Source(uri="hf://owner/model"))).entries[-1]
    await read(storage, entry, 0, 10)
    hub.cdn.signature = "another"

    assert await read(storage, entry, 10, 10) == LARGE[10:20]
    await storage.close()


@pytest.mark.usefixtures("repository")
async def test_a_redirect_to_a_private_address_is_refused(hub: Hub) -> None:
    storage = client(hub, endpoints=[])
    entry = (await storage.resolve(Source(uri="hf://owner/model"))).entries[-1]

    with pytest.raises(NotAllowed):
        await read(storage, entry, 0, None)

    await storage.close()
    assert hub.cdn.asked == []


@pytest.mark.usefixtures("repository")
async def test_a_next_page_elsewhere_is_refused(hub: Hub) -> None:
    elsewhere = {"Link": f'<{hub.cdn.url}/more>; rel="next"'}
    hub.faults = [lambda _: None, lambda _: Answer(200, b"[]", elsewhere)]

    with pytest.raises(Corrupt, match="elsewhere"):
        await resolved(hub)

    assert hub.cdn.asked == []


@pytest.mark.usefixtures("repository")
async def test_a_renamed_repository_is_found(hub: Hub) -> None:
    hub.renamed["owner/old"] = "owner/model"

    assert len((await resolved(hub, "hf://owner/old")).entries) == len(FILES)


@pytest.mark.usefixtures("repository")
async def test_a_limit_of_requests_says_when_to_come_back(hub: Hub) -> None:
    for headers, expected in (
        ({"Retry-After": "7"}, 7.0),
        ({"RateLimit": '"api";r=0;t=55'}, 55.0),
    ):
        hub.faults = [lambda _, said=headers: Answer(429, b"", said)]

        with pytest.raises(Unreachable, match="429") as caught:
            await resolved(hub)

        assert caught.value.retry_after == expected


@pytest.mark.usefixtures("repository")
async def test_a_body_that_ends_early_is_truncated_or_unreachable(hub: Hub) -> None:
    storage = client(hub)
    entry = (await storage.resolve(Source(uri="hf://owner/model"))).entries[-1]
    hub.cdn.faults = [lambda _: Answer(206, LARGE[:100], cut=10)]
    with pytest.raises(Unreachable):
        await read(storage, entry, 0, 100)
    hub.cdn.faults = [lambda _: Answer(206, LARGE[:10])]
    with pytest.raises(Truncated):
        await read(storage, entry, 0, 100)
    hub.cdn.faults = [lambda _: Answer(206, LARGE, {"Content-Range": "bytes 5-9/10"})]
    with pytest.raises(Truncated):
        await read(storage, entry, 0, 100)
    await storage.close()


async def test_a_repository_without_files_is_empty(hub: Hub) -> None:
    hub.repositories["owner/model"] = Repository({})

    with pytest.raises(EmptyModel):
        await resolved(hub)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[1]", b'{"sha": "main"}', b'{"sha": 4}', b"\xff", b"[" * 10**6],
)
@pytest.mark.usefixtures("repository")
async def test_an_answer_that_is_none_is_refused(hub: Hub, body: bytes) -> None:
    hub.faults = [lambda _: Answer(200, body)]

    with pytest.raises(Corrupt):
        await resolved(hub)


@pytest.mark.usefixtures("repository")
async def test_an_answer_without_end_is_refused(hub: Hub) -> None:
    hub.faults = [lambda _: Answer(200, b" " * (33 * 2**20))]

    with pytest.raises(TooLarge):
        await resolved(hub)


@pytest.mark.usefixtures("repository")
async def test_offline_the_hub_is_not_asked(hub: Hub) -> None:
    with pytest.raises(NotAllowed, match="HF_HUB_OFFLINE"):
        await resolved(hub, values={"HF_HUB_OFFLINE": "1", **_values(hub)})

    assert hub.asked == []


async def test_offline_a_commit_has_its_id_all_the_same(
    hub: Hub, repository: Repository
) -> None:
    commit = repository.branches["main"]
    pinned, named = (Source(uri=f"hf://owner/model@{r}") for r in (commit, "main"))
    expected = (await resolved(hub, pinned.uri)).id
    offline = client(hub, {"HF_HUB_OFFLINE": "1", **_values(hub)})

    assert await offline.identify(pinned) == expected
    assert await offline.identify(named) is None
    assert await client(hub).identify(pinned) is None
    await offline.close()


async def test_a_hub_whose_address_is_none_is_named(hub: Hub) -> None:
    with pytest.raises(NotAllowed):
        await resolved(hub, values={"HF_ENDPOINT": "http://["})
