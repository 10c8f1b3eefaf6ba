"""One commit of a real repository, over git's own http-backend."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import pytest
from fakes.site import Answer

from inferry.storage import (
    Access,
    AccessDenied,
    Changed,
    Corrupt,
    Credentials,
    DiskError,
    EmptyModel,
    Entry,
    InvalidUri,
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
from inferry_storage.backends.git import GitStorage
from inferry_storage.backends.git import storage as module

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fakes.forge import Forge

LARGE = random.Random(1).randbytes(20_000)
FILES = {"config.json": b"{}", "empty.bin": b"", "a/b/ö.bin": bytes(range(256)) * 300}


class TestGitStorage(StorageTests):
    client = GitStorage
    credentials: ClassVar = {"GIT_USERNAME": "user-canary", "GIT_PASSWORD": "canary"}

    @pytest.fixture
    def source(self, forge: Forge, monkeypatch: pytest.MonkeyPatch) -> str:
        files = dict(self.tree)
        files["weights/part-2.bin"] = forge.pointer(files["weights/part-2.bin"])
        commit = forge.commit("model", files)
        monkeypatch.setattr(type(self), "settings", _settings(forge))
        return f"{forge.uri('model')}@{commit}"

    @pytest.fixture
    def missing(self, source: str) -> str:
        return f"{source.rpartition('@')[0]}@{'0' * 40}"


def _settings(forge: Forge) -> dict[str, object]:
    return {"endpoints": [forge.url, forge.store.url]}


def client(forge: Forge, login: str = "", **given: object) -> GitStorage:
    user, _, password = login.partition(":")
    values = {"GIT_USERNAME": user, "GIT_PASSWORD": password} if login else {}
    return GitStorage(
        Access(
            settings={**_settings(forge), **given},
            credentials=Credentials(
                rung="secret forge" if login else "anonymous", values=values
            ),
        )
    )


async def resolved(
    forge: Forge, uri: str, login: str = "", **given: object
) -> Snapshot:
    storage = client(forge, login, **given)
    try:
        return await storage.resolve(Source(uri=uri))
    finally:
        await storage.close()


async def read(
    storage: GitStorage, entry: Entry, start: int, length: int | None
) -> bytes:
    return b"".join([chunk async for chunk in storage.read(entry, start, length)])


@pytest.fixture(params=[2, 0], ids=["version 2", "version 0"])
def either(forge: Forge, request: pytest.FixtureRequest) -> Forge:
    forge.protocol = request.param
    return forge


async def test_a_commit_is_read_whatever_came_after_it(either: Forge) -> None:
    forge = either
    commit = forge.commit("model", FILES)
    if forge.protocol == 2:
        forge.commit("model", {"config.json": b"newer"})
    storage = client(forge)

    snapshot = await storage.resolve(Source(uri=f"{forge.uri('model')}@{commit}"))

    found = {
        entry.path: await read(storage, entry, 0, None) for entry in snapshot.entries
    }
    assert found == FILES
    for entry in snapshot.entries:
        data = FILES[entry.path]
        blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        assert (entry.size, entry.digest) == (len(data), f"git-sha1:{blob}")
    await storage.close()


async def test_the_id_is_known_without_the_pack_to_who_may_read_it(
    forge: Forge,
) -> None:
    forge.login = "me:pass-canary"
    uri = f"{forge.uri('model')}@{forge.commit('model', FILES)}#a"
    expected = (await resolved(forge, uri, forge.login)).id
    forge.asked.clear()
    storage = client(forge, forge.login)

    assert await storage.identify(Source(uri=uri)) == expected
    assert await storage.identify(Source(uri=forge.uri("model"))) is None
    assert [asked.method for asked in forge.asked] == ["GET"]
    assert (await storage.resolve(Source(uri=uri))).id == expected
    assert [asked.method for asked in forge.asked] == ["GET", "POST"]
    stranger = client(forge)
    with pytest.raises(Unauthenticated):
        await stranger.identify(Source(uri=uri))
    await stranger.close()
    await storage.close()


async def test_a_folder_or_one_file_may_be_named(forge: Forge) -> None:
    uri = f"{forge.uri('model')}@{forge.commit('model', FILES)}"

    assert [e.path for e in (await resolved(forge, f"{uri}#a")).entries] == ["b/ö.bin"]
    one = await resolved(forge, f"{uri}#a/b/%C3%B6.bin")
    assert [entry.path for entry in one.entries] == ["ö.bin"]
    with pytest.raises(NotFound, match="has no 'c'"):
        await resolved(forge, f"{uri}#c")
    with pytest.raises(NotFound, match=r"has no 'config\.json/x'"):
        await resolved(forge, f"{uri}#config.json/x")


async def test_versions_of_a_file_that_are_packed_as_changes_are_read(
    forge: Forge,
) -> None:
    source = random.Random(2)
    text = [f"{source.random()}\n" for _ in range(5000)]
    files = {}
    for number in range(40):
        text[number * 100] = "changed\n"
        files[f"{number:02}.txt"] = "".join(text).encode()
    commit = forge.commit("model", files)
    forge.git("-C", str(forge.folder / "model.git"), "gc", "-q", "--aggressive")
    storage = client(forge)

    snapshot = await storage.resolve(Source(uri=f"{forge.uri('model')}@{commit}"))

    for entry in snapshot.entries:
        assert entry.size == len(files[entry.path])
        assert await read(storage, entry, 0, None) == files[entry.path]
        assert await read(storage, entry, 99, 9) == files[entry.path][99:108]
    await storage.close()


async def test_without_a_commit_it_says_which_to_pin(either: Forge) -> None:
    forge = either
    commit = forge.commit("model", FILES)
    forge.git("-C", str(forge.folder / "model.work"), "tag", "-a", "v1", "-m", "one")
    forge.publish("model")
    for uri in (
        f"{forge.uri('model')}",
        *(f"{forge.uri('model')}@{n}" for n in ("main", "v1")),
    ):
        with pytest.raises(InvalidUri, match="names no commit") as caught:
            await resolved(forge, uri)

        assert f"{forge.uri('model')}@{commit}" in caught.value.remedy


async def test_a_name_or_a_commit_that_is_none_is_not_found(either: Forge) -> None:
    forge = either
    forge.commit("model", FILES)

    with pytest.raises(NotFound, match="has no branch-x"):
        await resolved(forge, f"{forge.uri('model')}@branch-x")
    with pytest.raises(NotFound, match="no commit 000000000000"):
        await resolved(forge, f"{forge.uri('model')}@{'0' * 40}")
    with pytest.raises(NotFound):
        await resolved(forge, f"{forge.uri('no-model')}@{'0' * 40}")


async def test_a_tag_is_not_a_commit(forge: Forge) -> None:
    commit = forge.commit("model", FILES)
    work = str(forge.folder / "model.work")
    forge.git("-C", work, "tag", "-a", "v1", "-m", "one")
    forge.publish("model")
    tag = forge.git("-C", work, "rev-parse", "v1").strip()

    with pytest.raises(InvalidUri, match="is a tag") as caught:
        await resolved(forge, f"{forge.uri('model')}@{tag}")

    assert commit in caught.value.remedy


async def test_the_login_goes_to_the_forge_alone(forge: Forge) -> None:
    forge.login = "me:pass-canary"
    files = {"large.bin": forge.pointer(LARGE)}
    uri = f"{forge.uri('model')}@{forge.commit('model', files)}"
    storage = client(forge, forge.login)

    entry = (await storage.resolve(Source(uri=uri))).entries[0]

    assert await read(storage, entry, 0, None) == LARGE
    assert all("authorization" not in asked.headers for asked in forge.store.asked)
    await storage.close()


@pytest.mark.parametrize("login", ["", "me:wrong-canary"])
async def test_a_login_that_is_missing_or_wrong_is_named(
    forge: Forge, login: str
) -> None:
    forge.login = "me:pass-canary"
    uri = f"{forge.uri('model')}@{forge.commit('model', FILES)}"

    with pytest.raises(Unauthenticated) as caught:
        await resolved(forge, uri, login)

    assert caught.value.rung == ("secret forge" if login else "anonymous")
    assert "GIT_PASSWORD" in caught.value.remedy
    assert "canary" not in str(caught.value)


async def test_a_large_file_has_the_size_and_digest_of_its_pointer(
    forge: Forge,
) -> None:
    files = {"a.bin": forge.pointer(LARGE), "b.bin": forge.pointer(b"b"), "c": b"c"}
    uri = f"{forge.uri('model')}@{forge.commit('model', files)}"
    storage = client(forge)

    entry = (await storage.resolve(Source(uri=uri))).entries[0]

    assert entry.digest == f"sha256:{hashlib.sha256(LARGE).hexdigest()}"
    assert entry.size == len(LARGE)
    assert await read(storage, entry, 5, 50) == LARGE[5:55]
    assert await read(storage, entry, 55, None) == LARGE[55:]
    assert sum(asked.path.endswith("/batch") for asked in forge.asked) == 1
    forge.store.ticket = "another"
    assert await read(storage, entry, 5, 50) == LARGE[5:55]
    await storage.close()


async def test_a_large_file_that_the_server_lacks_is_named(forge: Forge) -> None:
    files = {"a.bin": forge.pointer(LARGE)}
    uri = f"{forge.uri('model')}@{forge.commit('model', files)}"
    forge.store.blobs.clear()
    storage = client(forge)
    entry = (await storage.resolve(Source(uri=uri))).entries[0]

    with pytest.raises(NotFound, match="large files lacks") as caught:
        await read(storage, entry, 0, None)

    assert "words" not in str(caught.value)
    await storage.close()


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(401), Unauthenticated),
        (Answer(403), AccessDenied),
        (Answer(404), NotFound),
        (Answer(503), Unreachable),
        (Answer(200, b"<html>"), Corrupt),
        (Answer.json({"objects": []}), NotFound),
        (
            Answer.json({"objects": [{"oid": "OID", "error": {"code": 507}}]}),
            AccessDenied,
        ),
        (
            Answer.json(
                {"objects": [{"oid": "OID", "actions": {"download": {
                    "href": "https://h/", "header": {"Host": "metadata"}}}}]}
            ),
            Corrupt,
        ),
        (
            Answer.json(
                {"objects": [{"oid": "OID", "actions": {"download": {
                    "href": "http://169.254.169.254/"}}}]}
            ),
            NotAllowed,
        ),
        (
            Answer.json(
                {"objects": [{"oid": "OID", "actions": {"download": {
                    "href": "file:///etc/passwd"}}}]}
            ),
            InvalidUri,
        ),
    ],
)  # fmt: skip
async def test_what_the_server_of_large_files_may_say(
    forge: Forge, answer: Answer, kind: type[Exception]
) -> None:
    files = {"a": forge.pointer(LARGE)}
    uri = f"{forge.uri('model')}@{forge.commit('model', files)}"
    storage = client(forge)
    entry = (await storage.resolve(Source(uri=uri))).entries[0]
    oid = hashlib.sha256(LARGE).hexdigest().encode()
    said = Answer(answer.status, answer.body.replace(b"OID", oid), answer.headers)
    forge.faults = [lambda _: said]

    with pytest.raises(kind):
        await read(storage, entry, 0, None)

    await storage.close()


async def test_a_link_is_refused(forge: Forge) -> None:
    uri = (
        f"{forge.uri('model')}@{forge.commit('model', {'a': b'a', 'l': '/etc/passwd'})}"
    )

    with pytest.raises(UnsafePath, match="'l' is a symbolic link"):
        await resolved(forge, uri)


async def test_a_submodule_is_left_out(
    forge: Forge, caplog: pytest.LogCaptureFixture
) -> None:
    inner = forge.commit("inner", {"x": b"x"})
    forge.commit("model", {"a": b"a"})
    work = str(forge.folder / "model.work")
    forge.git("-C", work, "update-index", "--add", "--cacheinfo", f"160000,{inner},sub")
    forge.git("-C", work, "commit", "-q", "-m", "sub")
    forge.publish("model")
    commit = forge.git("-C", work, "rev-parse", "HEAD").strip()
    caplog.set_level("INFO")

    found = await resolved(forge, f"{forge.uri('model')}@{commit}")

    assert [entry.path for entry in found.entries] == ["a"]
    assert "submodules are left out: sub" in caplog.text


async def test_a_commit_without_files_is_empty(forge: Forge) -> None:
    with pytest.raises(EmptyModel):
        await resolved(forge, f"{forge.uri('model')}@{forge.commit('model', {})}")


async def test_what_is_past_the_limits_is_refused(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"noise.bin": LARGE, "b": b"b"}
    uri = f"{forge.uri('model')}@{forge.commit('model', files)}"
    with pytest.raises(TooLarge, match="more than 1 files"):
        await resolved(forge, uri, max_files=1)

    monkeypatch.setattr(module, "MAX_PACK_BYTES", 10_000)
    with pytest.raises(TooLarge, match="past 0 MiB") as caught:
        await resolved(forge, uri)

    assert "LFS" in caught.value.remedy


async def test_a_disk_without_room_is_said_to(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"{forge.uri('model')}@{forge.commit('model', FILES)}"
    monkeypatch.setattr(
        module.tempfile,
        "TemporaryFile",
        lambda **_: Path("/dev/full").open("r+b", buffering=0),  # noqa: SIM115 - as the other does
    )

    with pytest.raises(DiskError, match="cannot take the commit: No space left"):
        await resolved(forge, uri)


async def test_a_pack_that_inflates_past_its_limit_is_refused(
    forge: Forge, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = f"{forge.uri('model')}@{forge.commit('model', {'zeros': bytes(10**6)})}"
    monkeypatch.setattr(module, "MAX_PACK_BYTES", 10_000)

    with pytest.raises(TooLarge, match="past the limit"):
        await resolved(forge, uri)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), NotFound),
        (Answer(500), Unreachable),
        (Answer(302, b"", {"Location": "http://169.254.169.254/"}), NotAllowed),
    ],
)
async def test_what_is_no_repository_is_said(
    forge: Forge, answer: Answer, kind: type[Exception]
) -> None:
    forge.faults = [lambda _: answer]

    with pytest.raises(kind):
        await resolved(forge, f"{forge.uri('model')}@{'1' * 40}")


RESULT = {"Content-Type": "application/x-git-upload-pack-result"}


def _bodies() -> Iterator[tuple[bytes, type[Exception]]]:
    yield b"", Truncated
    yield b"0000", Truncated
    yield b"zzzz", Corrupt
    yield b"0003", Corrupt
    yield b"ffff", Truncated
    yield b"000dpackfile\n000b\x01PACK..", Truncated
    yield b"000dpackfile\n000b\x01PACK..0000", Corrupt
    yield b"000dpackfile\n0009\x03bad0000", Truncated
    yield b"0010ERR whatever", Corrupt


@pytest.mark.parametrize(("body", "kind"), [*_bodies()])
async def test_a_pack_that_is_none_is_refused(
    forge: Forge, body: bytes, kind: type[Exception]
) -> None:
    uri = f"{forge.uri('model')}@{forge.commit('model', FILES)}"
    forge.faults = [lambda _: None, lambda _: Answer(200, body, RESULT)]

    with pytest.raises(kind):
        await resolved(forge, uri)


async def test_another_client_s_entries_are_not_read(forge: Forge) -> None:
    snapshot = await resolved(
        forge, f"{forge.uri('model')}@{forge.commit('model', {'a': b'a'})}"
    )
    storage = client(forge)

    with pytest.raises(Changed):
        await read(storage, snapshot.entries[0], 0, None)

    await storage.close()
