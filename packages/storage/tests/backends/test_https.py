"""One file from a real web server, and every answer that is not the file."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from inferry.errors import StorageError
from inferry.storage import (
    Access,
    Changed,
    Corrupt,
    Credentials,
    InvalidUri,
    NotAllowed,
    NotFound,
    Source,
    Truncated,
    Unauthenticated,
    Unreachable,
)
from inferry.testing import StorageTests
from inferry_storage.backends.https import HttpsStorage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from conftest import Handler, WebServer

    from inferry.storage import Snapshot

LOCAL = {"allow_http": True, "allow_networks": ("127.0.0.0/8",), "stall_seconds": 2.0}
DATA = bytes(range(256)) * 8


class TestHttpsStorage(StorageTests):
    client = HttpsStorage
    settings: ClassVar[Mapping[str, Any]] = LOCAL
    credentials: ClassVar[Mapping[str, str]] = {"headers": '{"X-Key": "canary"}'}
    tree: ClassVar[Mapping[str, bytes]] = {"model.bin": DATA}

    @pytest.fixture
    def source(self, web: WebServer) -> str:
        web.files["/models/model.bin"] = DATA
        return web.url("/models/model.bin")


@pytest.fixture
async def storage() -> AsyncIterator[HttpsStorage]:
    client = HttpsStorage(Access(settings=LOCAL))
    yield client
    await client.close()


async def resolved(storage: HttpsStorage, uri: str) -> Snapshot:
    return await storage.resolve(Source(uri=uri))


async def content(
    storage: HttpsStorage,
    snapshot: Snapshot,
    start: int = 0,
    length: int | None = None,
) -> bytes:
    """Read in both ways, which have to agree, in errors too."""
    (entry,) = snapshot.entries

    def in_thread() -> bytes:
        return b"".join(storage.read_blocking(entry, start, length))

    try:
        data = b"".join([chunk async for chunk in storage.read(entry, start, length)])
    except StorageError as error:
        with pytest.raises(type(error)):
            await asyncio.to_thread(in_thread)
        raise
    assert data == await asyncio.to_thread(in_thread)
    return data


def status(code: int, **headers: str) -> Any:
    def answer(handler: Handler) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


async def test_tls_is_checked_against_the_name(
    secure_web: WebServer, trusted: None
) -> None:
    secure_web.files["/a.onnx"] = DATA
    storage = HttpsStorage(Access(settings=LOCAL))

    snapshot = await resolved(storage, secure_web.url("/a.onnx"))

    assert await content(storage, snapshot) == DATA
    wrong_name = secure_web.url("/a.onnx").replace("localhost", "127.0.0.1")
    with pytest.raises(StorageError, match="certificate is not trusted"):
        await resolved(storage, wrong_name)
    await storage.close()


async def test_an_unknown_authority_is_refused(
    secure_web: WebServer, storage: HttpsStorage
) -> None:
    with pytest.raises(StorageError, match="set SSL_CERT_FILE") as caught:
        await resolved(storage, secure_web.url("/a.onnx"))

    assert caught.value.reason == "StorageUnreachable"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (401, "StorageAccessDenied"),
        (403, "StorageAccessDenied"),
        (404, "StorageNotFound"),
        (410, "StorageNotFound"),
        (418, "StorageNotFound"),
        (429, "StorageUnreachable"),
        (503, "StorageUnreachable"),
    ],
)
async def test_each_status_has_its_reason(
    web: WebServer, storage: HttpsStorage, code: int, reason: str
) -> None:
    web.routes["/a"] = status(code)

    with pytest.raises(StorageError, match=f"answered {code}") as caught:
        await resolved(storage, web.url("/a"))

    assert caught.value.reason == reason


async def test_errors_hold_neither_password_nor_query(
    web: WebServer, storage: HttpsStorage
) -> None:
    with pytest.raises(StorageError) as caught:
        await resolved(storage, web.url("/no?sig=secret", userinfo="me:secret@"))

    assert "secret" not in f"{caught.value}{caught.value!r}"


async def test_a_server_without_head_is_asked_with_get(
    web: WebServer, storage: HttpsStorage
) -> None:
    def answer(handler: Handler) -> None:
        if handler.command == "HEAD":
            status(403)(handler)
        else:
            web.send(handler, DATA)

    web.routes["/a"] = answer

    snapshot = await resolved(storage, web.url("/a"))

    assert snapshot.entries[0].size == len(DATA)


async def test_a_web_page_is_no_model(web: WebServer, storage: HttpsStorage) -> None:
    web.routes["/login"] = status(200, Content_Type="text/html; charset=utf-8")

    with pytest.raises(StorageError, match="is a web page"):
        await resolved(storage, web.url("/login"))


async def test_a_server_that_is_gone_is_unreachable(storage: HttpsStorage) -> None:
    with pytest.raises(StorageError) as caught:
        await resolved(storage, "http://localhost:1/a")

    assert caught.value.reason == "StorageUnreachable"


async def test_a_new_file_is_a_new_snapshot(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.files["/a"] = DATA
    before = await resolved(storage, web.url("/a"))
    web.files["/a"] = DATA[1:]
    after = await resolved(storage, web.url("/a"))

    assert before.id != after.id


async def test_without_a_validator_nothing_is_thought_unchanged(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.files["/a"] = DATA
    web.validators = False

    first = await resolved(storage, web.url("/a"))

    assert first.id != (await resolved(storage, web.url("/a"))).id


@pytest.mark.parametrize("start", [0, 100])
async def test_a_file_that_was_replaced_is_not_read(
    web: WebServer, storage: HttpsStorage, start: int
) -> None:
    web.files["/a"] = DATA
    snapshot = await resolved(storage, web.url("/a"))
    web.files["/a"] = DATA[1:]

    with pytest.raises(Changed, match="was replaced while it was read"):
        await content(storage, snapshot, start)


async def test_a_server_without_ranges_is_read_from_the_start(
    web: WebServer, storage: HttpsStorage
) -> None:
    def answer(handler: Handler) -> None:
        del handler.headers["Range"]
        web.send(handler, DATA)

    web.routes["/a"] = answer
    snapshot = await resolved(storage, web.url("/a"))

    assert await content(storage, snapshot, 100) == DATA[100:]


async def test_a_redirect_to_another_origin_gets_no_password(
    web: WebServer, other_web: WebServer, storage: HttpsStorage
) -> None:
    web.routes["/old"] = status(302, Location="/new")
    web.routes["/new"] = status(302, Location=other_web.url("/there"))
    other_web.files["/there"] = DATA

    snapshot = await resolved(storage, web.url("/old", userinfo="me:secret@"))

    assert await content(storage, snapshot) == DATA
    assert all("Authorization" in each for each in web.headers)
    assert not any("Authorization" in each for each in other_web.headers)


async def test_too_many_redirects_are_refused(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.routes["/round"] = status(302, Location="/round")

    with pytest.raises(StorageError, match="more than 5 times"):
        await resolved(storage, web.url("/round"))
    assert len(web.requests) == 6


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://169.254.169.254/latest", "169.254.169.254 is not an address"),
        ("ftp://localhost/a", "is not https"),
        ("file:///etc/passwd", "names no host"),
    ],
)
async def test_a_redirect_leads_nowhere_private(
    web: WebServer, storage: HttpsStorage, target: str, said: str
) -> None:
    web.routes["/a"] = status(302, Location=target)

    with pytest.raises(StorageError, match=said):
        await resolved(storage, web.url("/a"))


async def test_http_is_refused_by_default() -> None:
    storage = HttpsStorage(Access())

    with pytest.raises(StorageError, match="set \\[storage\\] allow_http") as caught:
        await resolved(storage, "http://example.com/a.onnx")

    assert caught.value.reason == "StorageNotAllowed"
    await storage.close()


async def test_loopback_is_refused_by_default(web: WebServer) -> None:
    storage = HttpsStorage(Access(settings={"allow_http": True}))

    with pytest.raises(StorageError, match=r"127\.0\.0\.1.* not an address") as caught:
        await resolved(storage, web.url("/a"))

    assert caught.value.reason == "StorageNotAllowed"
    assert web.requests == []
    await storage.close()


@pytest.mark.parametrize("uri", ["https://", "https://[::1", "https:///a"])
async def test_a_broken_url_is_refused(storage: HttpsStorage, uri: str) -> None:
    with pytest.raises(StorageError):
        await resolved(storage, uri)


async def test_compression_is_refused(web: WebServer, storage: HttpsStorage) -> None:
    web.routes["/a"] = status(200, Content_Encoding="gzip")

    with pytest.raises(Corrupt, match="is sent compressed"):
        await resolved(storage, web.url("/a"))


async def test_a_file_without_an_end_is_refused(
    web: WebServer, storage: HttpsStorage
) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Connection", "close")
        handler.end_headers()

    web.routes["/a"] = answer

    with pytest.raises(Truncated, match="does not say how long"):
        await resolved(storage, web.url("/a"))


SHA256 = hashlib.sha256(DATA).hexdigest()


async def test_a_digest_in_the_fragment_is_promised(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.files["/a"] = DATA

    snapshot = await resolved(storage, web.url(f"/a#sha256={SHA256.upper()}"))

    assert snapshot.entries[0].digest == f"sha256:{SHA256}"
    assert await content(storage, snapshot) == DATA


async def test_a_digest_makes_a_snapshot_that_stays(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.files["/a"] = DATA
    web.validators = False
    uri = web.url(f"/a#sha256={SHA256}")

    first = await resolved(storage, uri)

    assert first.id == (await resolved(storage, uri)).id


@pytest.mark.parametrize("fragment", ["x", "sha256=12", "md5=" + "0" * 32])
async def test_another_fragment_is_refused(
    web: WebServer, storage: HttpsStorage, fragment: str
) -> None:
    with pytest.raises(InvalidUri, match="not a digest"):
        await resolved(storage, web.url(f"/a#{fragment}"))
    assert web.requests == []


async def test_a_file_of_no_known_length_needs_a_digest(
    web: WebServer, storage: HttpsStorage
) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(DATA), DATA))

    web.routes["/a"] = answer

    with pytest.raises(Truncated, match="does not say how long"):
        await resolved(storage, web.url("/a"))
    snapshot = await resolved(storage, web.url(f"/a#sha256={SHA256}"))
    assert snapshot.entries[0].size is None
    assert not snapshot.entries[0].ranges
    assert await content(storage, snapshot) == DATA


async def test_a_server_without_ranges_is_known_before_it_is_read(
    web: WebServer, storage: HttpsStorage
) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(DATA)))
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(DATA)

    web.routes["/a"] = answer

    snapshot = await resolved(storage, web.url("/a"))

    assert not snapshot.entries[0].ranges
    assert await content(storage, snapshot) == DATA
    assert await content(storage, snapshot, 5, 7) == DATA[5:12]


async def test_a_range_is_asked_for_with_its_end(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.files["/a"] = DATA
    snapshot = await resolved(storage, web.url("/a"))

    assert await content(storage, snapshot, 5, 7) == DATA[5:12]

    assert web.headers[-1]["Range"] == "bytes=5-11"
    assert web.headers[-1]["If-Match"] == snapshot.entries[0].etag


async def test_connections_are_used_again(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.files["/a"] = DATA
    ports = set()

    def answer(handler: Handler) -> None:
        ports.add(handler.client_address[1])
        web.send(handler, DATA)

    web.routes["/a"] = answer
    snapshot = await resolved(storage, web.url("/a"))
    for start in range(5):
        await content(storage, snapshot, start, 100)

    assert len(ports) == 2  # one of the event loop, one of the threads


@pytest.mark.parametrize(
    "told", ["", "bytes 0-9/2048", "bytes 5-9/2047", "items 5-9/2048"]
)
async def test_another_part_than_asked_is_refused(
    web: WebServer, storage: HttpsStorage, told: str
) -> None:
    web.files["/a"] = DATA
    snapshot = await resolved(storage, web.url("/a"))
    web.routes["/a"] = status(206, **({"Content_Range": told} if told else {}))

    with pytest.raises((Corrupt, Changed)):
        await content(storage, snapshot, 5, 5)


async def test_a_short_body_is_truncated(web: WebServer, storage: HttpsStorage) -> None:
    web.files["/a"] = DATA
    snapshot = await resolved(storage, web.url("/a"))
    web.routes["/a"] = lambda handler: web.send(handler, DATA, cut=100)

    with pytest.raises(Truncated):
        await content(storage, snapshot)


async def test_a_date_tells_states_where_there_is_no_etag(
    web: WebServer, storage: HttpsStorage
) -> None:
    modified = "Mon, 01 Jan 2024 00:00:00 GMT"

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Last-Modified", modified)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.routes["/a"] = answer
    snapshot = await resolved(storage, web.url("/a"))
    modified = "Tue, 02 Jan 2024 00:00:00 GMT"

    assert snapshot.entries[0].etag
    with pytest.raises(Changed):
        await content(storage, snapshot)


async def test_a_busy_server_says_when_to_come_again(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.routes["/a"] = status(503, Retry_After="12")

    with pytest.raises(Unreachable) as caught:
        await resolved(storage, web.url("/a"))

    assert caught.value.retry_after == 12
    assert caught.value.transient


async def test_a_folder_is_no_model(web: WebServer, storage: HttpsStorage) -> None:
    web.files["/models/"] = b"[]"

    with pytest.raises(NotFound, match="use the address of the file itself"):
        await resolved(storage, web.url("/models/"))


async def test_a_packed_file_may_be_called_encoded(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.routes["/a.tar.gz"] = status(200, Content_Encoding="x-gzip")

    assert await resolved(storage, web.url("/a.tar.gz"))


@pytest.mark.parametrize("name", ["headers", "localhost-headers"])
async def test_headers_of_the_host_are_sent_to_it_alone(
    web: WebServer, other_web: WebServer, name: str
) -> None:
    headers = json.dumps({"X-Key": "secret", "Authorization": "Bearer secret"})
    credentials = Credentials(rung="annotation", values={name: headers})
    storage = HttpsStorage(Access(settings=LOCAL, credentials=credentials))
    web.routes["/a"] = status(302, Location=other_web.url("/b"))
    other_web.files["/b"] = DATA

    snapshot = await resolved(storage, web.url("/a"))

    assert await content(storage, snapshot) == DATA
    assert {each["X-Key"] for each in web.headers} == {"secret"}
    for each in other_web.headers:
        assert {"X-Key", "Authorization"}.isdisjoint(each)
    await storage.close()


async def test_a_refused_login_names_its_rung(web: WebServer) -> None:
    values = {"headers": json.dumps({"Authorization": "Bearer secret"})}
    credentials = Credentials(rung="annotation", values=values)
    storage = HttpsStorage(Access(settings=LOCAL, credentials=credentials))
    web.routes["/a"] = status(401)

    with pytest.raises(Unauthenticated, match="credentials of annotation") as caught:
        await resolved(storage, web.url("/a"))

    assert caught.value.rung == "annotation"
    assert "secret" not in str(caught.value)
    await storage.close()


async def test_an_address_that_the_operator_named_may_be_private_and_plain(
    web: WebServer,
) -> None:
    web.files["/a"] = DATA
    storage = HttpsStorage(Access(settings={"endpoints": (web.url(""),)}))

    snapshot = await resolved(storage, web.url("/a"))

    assert await content(storage, snapshot) == DATA
    await storage.close()


async def test_an_empty_file_is_a_file(web: WebServer, storage: HttpsStorage) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(416 if "Range" in handler.headers else 200)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.routes["/empty"] = answer

    snapshot = await resolved(storage, web.url("/empty"))

    assert snapshot.entries[0].size == 0
    assert await content(storage, snapshot) == b""


@pytest.mark.parametrize(
    "text", ["secret", '["secret"]', '{"A": ["secret"]}', '{"A": "secret\\r\\nB: c"}']
)
async def test_headers_that_are_none_are_said_without_their_text(
    web: WebServer, text: str
) -> None:
    credentials = Credentials(rung="annotation", values={"headers": text})
    storage = HttpsStorage(Access(settings=LOCAL, credentials=credentials))

    with pytest.raises(NotAllowed, match="are not a JSON object") as caught:
        await resolved(storage, web.url("/a"))

    assert "secret" not in str(caught.value)
    assert web.requests == []
    await storage.close()


async def test_what_fails_after_the_head_is_said(
    web: WebServer, storage: HttpsStorage
) -> None:
    web.routes["/a"] = lambda handler: status(
        405 if handler.command == "HEAD" else 404
    )(handler)

    with pytest.raises(NotFound, match="answered 404"):
        await resolved(storage, web.url("/a"))
