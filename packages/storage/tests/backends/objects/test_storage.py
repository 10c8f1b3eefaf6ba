from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from fakes.bucket import refused
from fakes.site import Answer, Asked

from inferry.errors import StorageError
from inferry.storage import (
    Access,
    AccessDenied,
    Changed,
    Credentials,
    EmptyModel,
    NotFound,
    Snapshot,
    Source,
    Stalled,
    Truncated,
    Unauthenticated,
    Unreachable,
    UnsafePath,
)
from inferry_storage.backends.objects import storage
from inferry_storage.backends.objects.refusals import WrongRegion
from inferry_storage.backends.s3 import S3Storage

if TYPE_CHECKING:
    from collections.abc import Callable

    from fakes.bucket import Bucket

_MD5_OF_1 = "md5:c4ca4238a0b923820dcc509a6f75849b"
_LARGE = bytes(range(256)) * 4096  # several pieces


def _client(bucket: Bucket, rung: str = "secret", **settings: Any) -> S3Storage:
    credentials = Credentials(rung=rung, values=bucket.values)
    return S3Storage(Access(settings=settings, credentials=credentials))


async def _resolve(bucket: Bucket, path: str, **more: Any) -> Snapshot:
    return await _client(bucket, **more).resolve(Source(uri=f"s3://models{path}"))


async def _refused(bucket: Bucket, path: str, **more: Any) -> StorageError:
    with pytest.raises(StorageError) as caught:
        await _resolve(bucket, path, **more)
    told = f"{caught.value} {caught.value!r}"
    assert "SECRET" not in told
    assert caught.value.__cause__ is None
    return caught.value


async def _read(bucket: Bucket, *, blocking: bool, **settings: Any) -> bytes:
    """Resolve and read the object ``m``, as both ways of reading do it."""
    client = _client(bucket, **settings)
    (entry,) = (await client.resolve(Source(uri="s3://models/m"))).entries
    if blocking:
        pieces = client.read_blocking(entry, 1, None)
        return await asyncio.to_thread(b"".join, pieces)
    return b"".join([piece async for piece in client.read(entry, 1, None)])


def _on_get(answer: Callable[[Asked], Answer | None]) -> Callable[..., Answer | None]:
    """Return a fault for requests of an object's bytes."""

    def fault(asked: Asked) -> Answer | None:
        is_object = asked.method == "GET" and "list-type" not in asked.query
        return answer(asked) if is_object else None

    return fault


async def test_every_page_is_listed(bucket: Bucket) -> None:
    bucket.objects = {f"m/{number}": b"x" for number in range(8)} | {"m2/a": b"y"}
    found = await _resolve(bucket, "/m")
    assert [entry.path for entry in found.entries] == [str(each) for each in range(8)]
    assert all(entry.ranges for entry in found.entries)


async def test_the_object_wins_and_the_folder_is_told(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.objects = {"m": b"object", "m/a": b"folder"}
    with caplog.at_level(logging.INFO):
        found = await _resolve(bucket, "/m")
    assert [entry.location for entry in found.entries] == ["m"]
    assert "s3://models/m is an object and also a folder" in caplog.text
    found = await _resolve(bucket, "/m/")
    assert [entry.location for entry in found.entries] == ["m/a"]


async def test_the_bucket_itself_is_a_folder(bucket: Bucket) -> None:
    assert isinstance(await _refused(bucket, ""), EmptyModel)
    bucket.objects = {"a": b"1", "b/c": b"2"}
    for path in ("", "/"):
        found = await _resolve(bucket, path)
        assert [entry.path for entry in found.entries] == ["a", "b/c"]


async def test_markers_of_folders_are_no_files(bucket: Bucket) -> None:
    bucket.objects = {"m/": b"", "m/a": b"", "m/b/": b"", "m/b/c": b"1", "m/d/": b""}
    found = await _resolve(bucket, "/m")
    assert [entry.path for entry in found.entries] == ["a", "b/c"]
    bucket.objects = {"m/": b"", "m/d/": b""}
    assert isinstance(await _refused(bucket, "/m"), EmptyModel)


async def test_a_name_is_decoded_where_nothing_has_it_as_it_is(bucket: Bucket) -> None:
    bucket.objects = {"a b/x": b"1", "a%20c/y": b"2", "a c/z": b"3"}
    assert (await _resolve(bucket, "/a%20b")).entries[0].location == "a b/x"
    assert (await _resolve(bucket, "/a%20c")).entries[0].location == "a%20c/y"


async def test_a_missing_model_names_what_is_near(bucket: Bucket) -> None:
    bucket.objects = {"model-v2/a": b"1", "other": b"2"}
    error = await _refused(bucket, "/model")
    assert isinstance(error, NotFound)
    assert error.message.endswith(
        "the bucket 'models' has no object and no folder 'model'; near it: 'model-v2/'"
    )
    error = await _refused(bucket, "/other/")
    assert "has no folder 'other'; near it: 'other'" in error.message


async def test_an_unsafe_name_is_told(bucket: Bucket) -> None:
    bucket.objects = {"m/a": b"1", "m/b//c": b"2"}
    error = await _refused(bucket, "/m")
    assert isinstance(error, UnsafePath)
    assert "'m/b//c'" in error.message


async def test_what_is_listed_elsewhere_is_refused(bucket: Bucket) -> None:
    listed = (
        "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>other/a"
        "</Key><Size>1</Size><LastModified>2026-11-21T10:00:00.000Z</LastModified>"
        "</Contents></ListBucketResult>"
    )
    bucket.faults = [lambda asked: Answer(200, listed.encode())]
    error = await _refused(bucket, "/m/")
    assert isinstance(error, UnsafePath)
    assert "'other/a', which is not below it" in error.message


async def test_a_head_that_is_denied_leaves_the_folder(bucket: Bucket) -> None:
    """Who may list and read below a folder need not be allowed more."""
    bucket.objects = {"m/a": b"1"}

    def fault(asked: Asked) -> Answer | None:
        return Answer(403) if asked.method == "HEAD" else None

    bucket.faults = [fault] * 3
    assert (await _resolve(bucket, "/m")).entries[0].path == "a"


async def test_a_listing_that_is_denied_leaves_the_object(bucket: Bucket) -> None:
    bucket.objects = {"m": b"1"}

    def fault(asked: Asked) -> Answer | None:
        listing = "list-type" in asked.query
        return refused(403, "AccessDenied") if listing else None

    bucket.faults = [fault] * 3
    assert (await _resolve(bucket, "/m")).entries[0].path == "m"
    bucket.objects = {}
    bucket.faults = [fault] * 3
    assert isinstance(await _refused(bucket, "/m"), AccessDenied)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (403, "InvalidAccessKeyId", Unauthenticated),
        (400, "ExpiredToken", Unauthenticated),
        (503, "SlowDown", Unreachable),
        (301, "PermanentRedirect", WrongRegion),
    ],
)
async def test_what_a_listing_is_refused_with_is_told(
    bucket: Bucket, status: int, code: str, kind: type[StorageError]
) -> None:
    def fault(asked: Asked) -> Answer:
        return refused(status, code)

    bucket.faults = [fault] * 4
    for path in ("/m", "/m/"):
        error = await _refused(bucket, path)
        assert isinstance(error, kind)
        assert len(bucket.asked) <= 2
        bucket.asked.clear()


async def test_an_anonymous_client_signs_nothing(bucket: Bucket) -> None:
    bucket.objects = {"m": b"1"}
    await _resolve(bucket, "/m", rung="anonymous")
    assert not any("authorization" in each.headers for each in bucket.asked)
    bucket.asked.clear()
    await _resolve(bucket, "/m")
    assert all("authorization" in each.headers for each in bucket.asked)


async def test_the_environment_of_the_process_changes_nothing(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials are of the source; obstore reads variables, so each is overruled."""
    for name in ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOTHER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "other")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "another")
    monkeypatch.setenv("AWS_VIRTUAL_HOSTED_STYLE_REQUEST", "true")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    bucket.objects = {"m": b"1"}
    await _resolve(bucket, "/m")
    for each in bucket.asked:
        assert "AKIATEST0000/" in each.headers["authorization"]
        assert "/us-east-1/" in each.headers["authorization"]
        assert "x-amz-security-token" not in each.headers


async def test_a_version_is_asked_for_where_it_is_named(bucket: Bucket) -> None:
    bucket.objects = {"m": b"1"}
    client = _client(bucket)
    found = await client.resolve(Source(uri="s3://models/m?versionId=abc.1"))
    assert [each async for each in client.read(found.entries[0], 0, None)] == [b"1"]
    asked = [each.query for each in bucket.asked if "list-type" not in each.query]
    assert asked == [{"versionId": "abc.1"}] * 2


async def test_the_id_is_of_the_place_and_the_state(bucket: Bucket) -> None:
    bucket.objects = {"m/a": b"1", "n/a": b"1"}
    first = await _resolve(bucket, "/m")
    assert first.id == (await _resolve(bucket, "/m/")).id
    assert first.id != (await _resolve(bucket, "/n")).id
    bucket.objects["m/a"] = b"2"
    assert first.id != (await _resolve(bucket, "/m")).id


@pytest.mark.parametrize("require", ["length", "etag", "checksum", "digest"])
async def test_an_etag_of_a_small_object_is_a_checksum(
    bucket: Bucket, require: str
) -> None:
    bucket.objects = {"m": b"1"}
    (entry,) = (await _resolve(bucket, "/m", require=require)).entries
    assert entry.digest == _MD5_OF_1


async def test_an_etag_is_no_checksum_where_the_settings_say_so(bucket: Bucket) -> None:
    bucket.objects = {"m": b"1"}
    more = {"require": "checksum", "etag_checksums": False}
    (entry,) = (await _resolve(bucket, "/m", **more)).entries
    assert entry.digest is None


@pytest.mark.parametrize("path", ["/m", "/m?versionId=abc.1"])
async def test_what_is_large_or_cannot_be_asked_about_is_hashed_where_required(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    bucket.objects = {"m": b"1"}
    if "?" not in path:
        monkeypatch.setattr(storage, "_CHEAP", 0)
    (entry,) = (await _resolve(bucket, path)).entries
    assert entry.digest is None
    (entry,) = (await _resolve(bucket, path, require="checksum")).entries
    assert entry.digest == _MD5_OF_1


@pytest.mark.parametrize("blocking", [False, True])
class TestReading:
    async def test_the_rest_of_an_object(
        self, bucket: Bucket, *, blocking: bool
    ) -> None:
        bucket.objects = {"m": _LARGE}
        assert await _read(bucket, blocking=blocking) == _LARGE[1:]
        get = bucket.asked[-1]
        assert get.headers["range"] == f"bytes=1-{len(_LARGE) - 1}"
        assert get.headers["if-match"].startswith('"')

    async def test_a_server_without_ranges(
        self, bucket: Bucket, *, blocking: bool
    ) -> None:
        bucket.objects, bucket.ranges = {"m": _LARGE}, False
        assert await _read(bucket, blocking=blocking) == _LARGE[1:]

    async def test_an_object_that_was_replaced(
        self, bucket: Bucket, *, blocking: bool
    ) -> None:
        bucket.objects = {"m": _LARGE}

        def replace(asked: Asked) -> None:
            bucket.objects["m"] = b"x" + _LARGE

        bucket.faults = [lambda asked: None] * 2 + [replace]
        with pytest.raises(Changed, match="was replaced"):
            await _read(bucket, blocking=blocking)

    async def test_an_object_that_was_removed(
        self, bucket: Bucket, *, blocking: bool
    ) -> None:
        bucket.objects = {"m": _LARGE}
        bucket.faults = [lambda asked: None] * 2
        bucket.faults += [lambda asked: refused(404, "NoSuchKey")]
        with pytest.raises(Changed, match="was replaced"):
            await _read(bucket, blocking=blocking)

    async def test_a_server_that_forgets_to_compare(
        self, bucket: Bucket, *, blocking: bool
    ) -> None:
        bucket.objects = {"m": _LARGE}
        other = {
            "ETag": '"other"',
            "Content-Range": f"bytes 1-{len(_LARGE) - 1}/{len(_LARGE)}",
            "Last-Modified": "Sat, 21 Nov 2026 10:00:00 GMT",
        }
        bucket.faults = [lambda asked: None] * 2
        bucket.faults += [lambda asked: Answer(206, _LARGE[1:], other)]
        with pytest.raises(Changed, match="was replaced"):
            await _read(bucket, blocking=blocking)

    async def test_a_body_that_is_cut_off(
        self, bucket: Bucket, *, blocking: bool
    ) -> None:
        bucket.objects = {"m": _LARGE}

        def cut(asked: Asked) -> Answer:
            answer = bucket.respond(asked)
            answer.cut = 300_000
            return answer

        bucket.faults = [_on_get(cut)] * 20
        with pytest.raises(Truncated, match="broke the connection off") as caught:
            await _read(bucket, blocking=blocking)
        assert caught.value.transient

    async def test_a_server_that_sends_nothing(
        self, bucket: Bucket, *, blocking: bool
    ) -> None:
        bucket.objects = {"m": _LARGE}
        released = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wait(asked: Asked) -> None:
            asyncio.run_coroutine_threadsafe(released.wait(), loop).result(20)

        bucket.faults = [_on_get(wait)] * 20  # type: ignore[arg-type]
        try:
            with pytest.raises(Stalled, match="sends nothing"):
                await _read(bucket, blocking=blocking, stall_seconds=0.3)
        finally:
            released.set()

    async def test_a_busy_server(self, bucket: Bucket, *, blocking: bool) -> None:
        bucket.objects = {"m": _LARGE}
        bucket.faults = [_on_get(lambda asked: refused(503, "SlowDown"))] * 3
        with pytest.raises(Unreachable, match="503 SlowDown") as caught:
            await _read(bucket, blocking=blocking)
        assert caught.value.retry_after == 2.0
        assert sum(each.method == "GET" for each in bucket.asked) == 2

    async def test_nothing_is_asked_for_nothing(
        self, bucket: Bucket, *, blocking: bool
    ) -> None:
        bucket.objects = {"m": b""}
        assert await _read(bucket, blocking=blocking) == b""
        assert not any("range" in each.headers for each in bucket.asked)


async def test_a_server_without_ranges_is_resolved_again_for_large_objects(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry_storage.backends.objects.body._LARGE", 1_000)
    bucket.objects, bucket.ranges = {"m": _LARGE}, False
    client, source = _client(bucket), Source(uri="s3://models/m")
    (entry,) = (await client.resolve(source)).entries
    assert entry.ranges
    with pytest.raises(Changed):
        b"".join(client.read_blocking(entry, 2_000, 1_000))
    (entry,) = (await client.resolve(source)).entries
    assert not entry.ranges
    assert b"".join(client.read_blocking(entry, 0, None)) == _LARGE
