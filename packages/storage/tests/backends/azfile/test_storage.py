"""A share is listed, read in ranges, and signed for as Azure wants it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from fakes.site import Answer

from inferry.storage import (
    Access,
    AccessDenied,
    Changed,
    Corrupt,
    Credentials,
    EmptyModel,
    Entry,
    InvalidUri,
    NotAllowed,
    NotFound,
    Snapshot,
    Source,
    TooLarge,
    Unauthenticated,
    Unreachable,
    UnsafePath,
)
from inferry.testing import StorageTests
from inferry_storage.backends.azfile import AzureFileStorage

if TYPE_CHECKING:
    from fakes.share import Share

DATA = bytes(range(256)) * 100
FILES = {"m/a.bin": DATA, "m/b/c d+%&.bin": b"two", "m/empty": b"", "mm/x": b"x"}
SAS = "sv=2024-01-01&sig=sas-canary%3D"


class TestAzureFileStorage(StorageTests):
    client = AzureFileStorage

    @pytest.fixture
    def source(self, share: Share, monkeypatch: pytest.MonkeyPatch) -> str:
        share.files = {f"m/{name}": data for name, data in self.tree.items()}
        monkeypatch.setattr(type(self), "credentials", _values(share))
        return "azfile://models/m"


def _values(share: Share) -> dict[str, str]:
    return {
        "AZURE_ACCOUNT_NAME": share.account,
        "AZURE_FILE_SERVICE_URL": share.url,
        "AZURE_STORAGE_ACCESS_KEY": share.key,
    }


def client(
    share: Share, settings: dict[str, object] | None = None, **values: str
) -> AzureFileStorage:
    given = {k: v for k, v in {**_values(share), **values}.items() if v}
    return AzureFileStorage(
        Access(
            settings=settings or {},
            credentials=Credentials(rung="secret files", values=given),
        )
    )


async def resolved(
    storage: AzureFileStorage, uri: str = "azfile://models/m"
) -> Snapshot:
    try:
        return await storage.resolve(Source(uri=uri))
    finally:
        await storage.close()


async def read(
    storage: AzureFileStorage, entry: Entry, start: int, length: int | None
) -> bytes:
    return b"".join([chunk async for chunk in storage.read(entry, start, length)])


@pytest.fixture(autouse=True)
def files(share: Share) -> None:
    share.files = dict(FILES)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"AZURE_STORAGE_ACCESS_KEY": f"?{SAS}"},
        {"AZURE_STORAGE_ACCESS_KEY": "", "AZURE_STORAGE_SAS_TOKEN": SAS},
    ],
    ids=["key", "signature as KServe has it", "signature"],
)
async def test_a_folder_is_read_with_all_below_it(
    share: Share, values: dict[str, str]
) -> None:
    storage = client(share, **values)

    snapshot = await storage.resolve(Source(uri="azfile://models/m"))

    found = {e.path: await read(storage, e, 0, None) for e in snapshot.entries}
    assert found == {"a.bin": DATA, "b/c d+%&.bin": b"two", "empty": b""}
    assert await read(storage, snapshot.entries[0], 10, 20) == DATA[10:30]
    blocking = await asyncio.to_thread(
        lambda: b"".join(storage.read_blocking(snapshot.entries[0], 10, 20))
    )
    assert blocking == DATA[10:30]
    await storage.close()


async def test_a_file_or_the_whole_share_may_be_named(share: Share) -> None:
    uri = "https://account1.file.core.windows.net/models/m/b/c%20d%2B%25%26.bin"

    one = await resolved(client(share), uri)

    assert [(each.path, each.size) for each in one.entries] == [("c d+%&.bin", 3)]
    assert len((await resolved(client(share), "azfile://models")).entries) == 4


async def test_a_listing_comes_in_pages(share: Share) -> None:
    share.page = 2
    share.files = {f"m/{number}": b"x" for number in range(7)}

    assert len((await resolved(client(share))).entries) == 7
    with pytest.raises(TooLarge, match="more than 5 files"):
        await resolved(client(share, {"max_files": 5}))


async def test_a_file_that_was_replaced_is_said_to(share: Share) -> None:
    storage = client(share)
    entry = (await storage.resolve(Source(uri="azfile://models/m"))).entries[0]
    share.files["m/a.bin"] = b"another"

    with pytest.raises(Changed):
        await read(storage, entry, 0, None)
    with pytest.raises(Changed):
        await asyncio.to_thread(lambda: [*storage.read_blocking(entry, 0, 10)])

    await storage.close()


async def test_a_redirect_gets_no_signature(share: Share) -> None:
    storage = client(share)
    place = {"Location": "https://169.254.169.254/models/m"}
    share.faults = [lambda _: Answer(307, b"", place)]

    with pytest.raises(NotAllowed):
        await resolved(storage)


async def test_what_is_missing_is_not_found(share: Share) -> None:
    with pytest.raises(NotFound, match="nothing there"):
        await resolved(client(share), "azfile://models/no")
    with pytest.raises(NotFound, match="no such share"):
        await resolved(client(share), "azfile://other-share")
    share.files = {}
    with pytest.raises(EmptyModel):
        await resolved(client(share), "azfile://models")


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ({"AZURE_STORAGE_ACCESS_KEY": ""}, Unauthenticated),
        ({"AZURE_STORAGE_ACCESS_KEY": "Y2FuYXJ5"}, AccessDenied),
        ({"AZURE_STORAGE_ACCESS_KEY": "sv=1&sig=canary"}, AccessDenied),
        (
            {"AZURE_STORAGE_ACCESS_KEY": "", "AZURE_ACCESS_TOKEN": "canary"},
            AccessDenied,
        ),
        ({"AZURE_STORAGE_ACCESS_KEY": "no base64 canary"}, NotAllowed),
    ],
)
async def test_credentials_that_do_not_open_it_are_named(
    share: Share, values: dict[str, str], kind: type[Exception]
) -> None:
    with pytest.raises(kind) as caught:
        await resolved(client(share, **values))

    assert "AZURE_STORAGE_ACCESS_KEY" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert "Y2FuYXJ5" not in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(503, b"", {"Retry-After": "4"}), Unreachable),
        (Answer(200, b"<html>"), Corrupt),
    ],
)
async def test_what_the_service_may_say(
    share: Share, answer: Answer, kind: type[Exception]
) -> None:
    share.faults = [lambda _: Answer(404), lambda _: answer]

    with pytest.raises(kind):
        await resolved(client(share))


async def test_a_service_without_conditions_mixes_no_versions(share: Share) -> None:
    share.heeds_conditions = False
    storage = client(share)
    snapshot = await storage.resolve(Source(uri="azfile://models/m/a.bin"))
    (entry,) = snapshot.entries
    share.files["m/a.bin"] = DATA[::-1]

    with pytest.raises(Changed):
        await read(storage, entry, 10, 20)
    with pytest.raises(Changed):
        await asyncio.to_thread(list, storage.read_blocking(entry, 10, 20))
    await storage.close()


async def test_a_page_without_end_is_not_parsed(share: Share) -> None:
    page = Answer(200, b"<EnumerationResults>" + b"<a/>" * 2**20)
    share.faults = [lambda _: Answer(404), lambda _: page]

    with pytest.raises(TooLarge):
        await resolved(client(share))


@pytest.mark.parametrize("name", ["..", "", "a/../../b", "/etc/passwd"])
async def test_names_that_lead_out_are_refused(share: Share, name: str) -> None:
    text = (
        "<EnumerationResults><Entries><File>"
        f"<Name>{name}</Name></File></Entries></EnumerationResults>"
    )
    share.faults = [lambda _: Answer(404), lambda _: Answer(200, text.encode())]

    with pytest.raises(UnsafePath):
        await resolved(client(share))


async def test_folders_without_end_are_refused(share: Share) -> None:
    text = (
        b"<EnumerationResults><Entries><Directory><Name>d</Name></Directory></Entries>"
    )
    endless = Answer(200, text + b"</EnumerationResults>")
    share.faults = [lambda _: Answer(404), *[lambda _: endless] * 300]

    with pytest.raises(UnsafePath, match="too deep"):
        await resolved(client(share))


async def test_a_web_server_is_no_share(share: Share) -> None:
    share.faults = [lambda _: Answer(200, b"<html>", {"ETag": '"1"'})] * 3

    with pytest.raises(InvalidUri, match="does not answer as Azure Files does"):
        await resolved(client(share), "azfile://models/m/a.bin")
