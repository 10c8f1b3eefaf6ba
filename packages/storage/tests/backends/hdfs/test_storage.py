"""A cluster's files are listed, read from its datanodes, and checked for change."""

from __future__ import annotations

import json
from typing import ClassVar

import pytest
from fakes.cluster import Namenode
from fakes.site import Answer

from inferry.storage import (
    Access,
    AccessDenied,
    Changed,
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
    Unauthenticated,
    Unreachable,
    UnsafePath,
)
from inferry.testing import StorageTests
from inferry_storage.backends.hdfs import HdfsStorage

DATA = bytes(range(256)) * 100
FILES = {"/m/a.bin": DATA, "/m/b/c d+%.bin": b"two", "/m/empty": b"", "/mm/x": b"x"}


class TestHdfsStorage(StorageTests):
    client = HdfsStorage

    @pytest.fixture
    def source(self, namenode: Namenode, monkeypatch: pytest.MonkeyPatch) -> str:
        namenode.files = {f"/user/me/{name}": data for name, data in self.tree.items()}
        values = {"HDFS_NAMENODE": namenode.url, "HEADERS": '{"X-Login": "canary"}'}
        monkeypatch.setattr(type(self), "credentials", values)
        return "hdfs://user/me"


def client(
    *namenodes: Namenode, settings: dict[str, object] | None = None, **values: str
) -> HdfsStorage:
    named = (
        {"HDFS_NAMENODE": ";".join(each.url for each in namenodes)} if namenodes else {}
    )
    return HdfsStorage(
        Access(
            settings=settings or {},
            credentials=Credentials(rung="secret hdfs", values={**named, **values}),
        )
    )


async def resolved(storage: HdfsStorage, uri: str = "hdfs://m") -> Snapshot:
    try:
        return await storage.resolve(Source(uri=uri))
    finally:
        await storage.close()


async def read(
    storage: HdfsStorage, entry: Entry, start: int, length: int | None
) -> bytes:
    return b"".join([chunk async for chunk in storage.read(entry, start, length)])


@pytest.fixture(autouse=True)
def files(namenode: Namenode) -> None:
    namenode.files = dict(FILES)


async def test_a_folder_is_read_with_all_below_it(namenode: Namenode) -> None:
    storage = client(namenode)

    snapshot = await storage.resolve(Source(uri="hdfs://m"))

    found = {e.path: await read(storage, e, 0, None) for e in snapshot.entries}
    assert found == {"a.bin": DATA, "b/c d+%.bin": b"two", "empty": b""}
    assert await read(storage, snapshot.entries[0], 10, 20) == DATA[10:30]
    assert await read(storage, snapshot.entries[0], len(DATA) - 5, 20) == DATA[-5:]
    await storage.close()


async def test_a_file_may_be_named(namenode: Namenode) -> None:
    snapshot = await resolved(client(namenode), "hdfs://m/b/c%20d%2B%25.bin")

    assert [(each.path, each.size) for each in snapshot.entries] == [("c d+%.bin", 3)]


async def test_who_asks_is_said_to_the_namenode_alone(namenode: Namenode) -> None:
    namenode.header = ("X-Login", "canary")
    storage = client(namenode, HEADERS='{"X-Login": "canary"}', USER_PROXY="ann")

    snapshot = await storage.resolve(Source(uri="hdfs://m"))

    assert await read(storage, snapshot.entries[0], 0, None) == DATA
    assert all(asked.query["doas"] == "ann" for asked in namenode.asked)
    assert all("x-login" not in asked.headers for asked in namenode.datanode.asked)
    await storage.close()


async def test_a_user_may_stand_in_the_uri(namenode: Namenode) -> None:
    settings = {"endpoints": [namenode.url]}
    uri = f"webhdfs://ann@localhost:{namenode.port}/m"

    await resolved(client(settings=settings), uri)

    assert all(asked.query["user.name"] == "ann" for asked in namenode.asked)


async def test_a_namenode_that_a_service_names_has_to_be_public(
    namenode: Namenode,
) -> None:
    uri = f"webhdfs://localhost:{namenode.port}/m"

    with pytest.raises(NotAllowed):
        await resolved(client(), uri)
    with pytest.raises(NotAllowed):
        await resolved(client(settings={"allow_http": True}), uri)

    assert namenode.asked == []


@pytest.mark.parametrize(
    "place", ["http://169.254.169.254/latest", "http://127.0.0.2:1/", "file:///etc"]
)
async def test_a_namenode_does_not_lead_inwards(namenode: Namenode, place: str) -> None:
    storage = client(namenode)
    entry = (await storage.resolve(Source(uri="hdfs://m"))).entries[0]
    namenode.faults = [lambda _: Answer(307, b"", {"Location": place})]

    with pytest.raises((NotAllowed, Exception)) as caught:
        await read(storage, entry, 0, None)

    assert caught.value.exit_code in {2, 5}
    await storage.close()


async def test_a_file_that_changes_while_it_is_read_is_said_to(
    namenode: Namenode,
) -> None:
    storage = client(namenode)
    entry = (await storage.resolve(Source(uri="hdfs://m"))).entries[0]
    namenode.changes["/m/a.bin"] = 5

    with pytest.raises(Changed):
        await read(storage, entry, 0, None)

    await storage.close()


async def test_the_id_changes_with_any_file(namenode: Namenode) -> None:
    before = await resolved(client(namenode))
    namenode.changes["/m/empty"] = 1

    assert (await resolved(client(namenode))).id != before.id


async def test_the_active_namenode_is_found(namenode: Namenode) -> None:
    standby = Namenode()
    standby.standby = True
    storage = client(standby, namenode)

    entry = (await storage.resolve(Source(uri="hdfs://m"))).entries[0]

    assert await read(storage, entry, 0, None) == DATA
    assert len(standby.asked) == 1
    standby.stop()
    with pytest.raises(Unreachable):
        await resolved(client(standby))
    await storage.close()


async def test_a_body_that_ends_early_is_said_to(namenode: Namenode) -> None:
    storage = client(namenode)
    entry = (await storage.resolve(Source(uri="hdfs://m"))).entries[0]
    namenode.datanode.faults = [lambda _: Answer(200, DATA, cut=100)]
    with pytest.raises(Unreachable):
        await read(storage, entry, 0, None)
    namenode.datanode.faults = [lambda _: Answer(200, DATA[:100])]
    with pytest.raises(Truncated):
        await read(storage, entry, 0, None)
    namenode.datanode.faults = [lambda _: Answer(503, b"", {"Retry-After": "3"})]
    with pytest.raises(Unreachable) as caught:
        await read(storage, entry, 0, None)
    assert caught.value.retry_after == 3
    await storage.close()


def _refused(status: int, name: str, **headers: str) -> Answer:
    said = {"RemoteException": {"exception": name, "message": "secret words"}}
    return Answer(status, json.dumps(said).encode(), dict(headers))


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (_refused(404, "FileNotFoundException"), NotFound),
        (_refused(403, "AccessControlException"), AccessDenied),
        (_refused(401, "AuthenticationException"), Unauthenticated),
        (_refused(401, "", **{"WWW-Authenticate": "Negotiate"}), Unauthenticated),
        (_refused(403, "StandbyException"), Unreachable),
        (Answer(502, b"<html>"), Unreachable),
        (Answer(200, b"<html>"), Corrupt),
        (Answer(200, b'{"FileStatus": {"type": "FILE", "length": -1}}'), Corrupt),
        (Answer(200, b'{"FileStatus": {"type": "SOCKET", "length": 1}}'), Corrupt),
    ],
)
async def test_what_a_cluster_refuses(
    namenode: Namenode, answer: Answer, kind: type[Exception]
) -> None:
    namenode.faults = [lambda _: answer]

    with pytest.raises(kind) as caught:
        await resolved(client(namenode))

    assert "secret words" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_unsafe_names_and_links_are_refused(namenode: Namenode) -> None:
    namenode.links = {"/m/a.bin"}
    with pytest.raises(UnsafePath, match="symbolic link"):
        await resolved(client(namenode))
    for name in ("..", "", "a/../../b"):
        item = {"pathSuffix": name, "type": "FILE", "length": 1}
        answer = Answer.json({"FileStatuses": {"FileStatus": [item]}})
        namenode.faults = [lambda _: None, lambda _, said=answer: said]
        with pytest.raises(UnsafePath):
            await resolved(client(namenode))


async def test_limits_are_kept_while_listing(namenode: Namenode) -> None:
    with pytest.raises(TooLarge, match="more than 2 files"):
        await resolved(client(namenode, settings={"max_files": 2}))
    endless = {"pathSuffix": "d", "type": "DIRECTORY", "length": 0}
    answer = Answer.json({"FileStatuses": {"FileStatus": [endless]}})
    namenode.faults = [lambda _: None, *[lambda _: answer] * 200]
    with pytest.raises(UnsafePath, match="too deep"):
        await resolved(client(namenode))


async def test_a_folder_without_files_is_empty(namenode: Namenode) -> None:
    answer = Answer.json({"FileStatuses": {"FileStatus": []}})
    namenode.faults = [lambda _: None, lambda _: answer]

    with pytest.raises(EmptyModel):
        await resolved(client(namenode))


class TestSecrets:
    refused: ClassVar = [
        ({"KERBEROS_PRINCIPAL": "canary"}, "Kerberos"),
        ({"HEADERS": "canary"}, "HEADERS"),
        ({"HEADERS": '{"A": 1}'}, "HEADERS"),
        ({"HEADERS": '{"A": "canary\\nB: c"}'}, "HEADERS"),
        ({"HEADERS": '{"A:B": "canary"}'}, "HEADERS"),
    ]

    @pytest.mark.parametrize(("values", "said"), refused)
    def test_what_cannot_be_used_is_named_without_its_value(
        self, values: dict[str, str], said: str
    ) -> None:
        with pytest.raises(NotAllowed, match=said) as caught:
            client(**values)

        assert "canary" not in str(caught.value)
