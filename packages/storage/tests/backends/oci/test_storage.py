"""Images and artifacts from a registry that answers as the test says."""

from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fakes.registry import INDEX, LAYER, NAME, FakeRegistry, artifact, digest_of, image

from inferry.errors import StorageError
from inferry.storage import (
    Access,
    AccessDenied,
    BlockedAddress,
    Corrupt,
    Credentials,
    EmptyModel,
    Entry,
    NoBackend,
    NotAllowed,
    NotFound,
    Snapshot,
    Source,
    TooLarge,
    Truncated,
    Unauthenticated,
    Unreachable,
)
from inferry_storage.backends.oci import OciStorage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from conftest import Handler, WebServer

DATA = bytes(range(256)) * 40
LOGIN = {"OCI_USERNAME": "ada", "OCI_PASSWORD": "secret"}


@pytest.fixture
def registry(web: WebServer) -> FakeRegistry:
    return FakeRegistry(web)


@pytest.fixture
async def opened(
    registry: FakeRegistry,
) -> AsyncIterator[Callable[..., OciStorage]]:
    """Return a function that makes a client to which the operator named *registry*."""
    made: list[OciStorage] = []

    def make(values: dict[str, str] | None = None, **settings: Any) -> OciStorage:
        given = {"endpoints": (f"http://{registry.address}",), "stall_seconds": 2.0}
        rung = "developer" if values else "none"
        access = Access(
            settings={**given, **settings},
            credentials=Credentials(rung=rung, values=values or {}),
        )
        made.append(OciStorage(access))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def found(storage: OciStorage, uri: str) -> Snapshot:
    return await storage.resolve(Source(uri=uri))


async def content(
    storage: OciStorage, entry: Entry, start: int = 0, length: int | None = None
) -> bytes:
    """Read in both ways, which have to agree."""
    data = b"".join([chunk async for chunk in storage.read(entry, start, length)])

    def in_thread() -> bytes:
        return b"".join(storage.read_blocking(entry, start, length))

    assert data == await asyncio.to_thread(in_thread)
    return data


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def test_an_artifact_is_its_files(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    pushed = registry.manifest(artifact(registry.file("a/m.bin", DATA)))
    storage = opened()

    snapshot = await found(storage, registry.uri())

    (entry,) = snapshot.entries
    assert (entry.path, entry.size) == ("a/m.bin", len(DATA))
    assert entry.digest == digest_of(DATA)
    assert not snapshot.layers
    assert await content(storage, entry) == DATA
    assert await content(storage, entry, 100, 50) == DATA[100:150]
    assert await content(storage, entry, 9_000) == DATA[9_000:]
    pinned = await found(storage, registry.uri(f"@{pushed['digest']}"))
    assert pinned.id == snapshot.id


async def test_an_image_is_its_layers_in_order(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    layers = [registry.blob(b"one"), registry.blob(b"two", f"{LAYER}+zstd")]
    registry.manifest(image(*layers))

    snapshot = await found(opened(), registry.uri())

    assert snapshot.layers
    assert [each.digest for each in snapshot.entries] == [
        digest_of(b"one"),
        digest_of(b"two"),
    ]
    assert len({each.path for each in snapshot.entries}) == 2


async def test_a_token_is_asked_for_with_the_login_and_only_to_pull(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "good"
    asked = registry.serve_token()
    registry.manifest(artifact(registry.file("m.bin", DATA)))
    storage = opened(LOGIN)

    snapshot = await found(storage, registry.uri())

    assert await content(storage, snapshot.entries[0]) == DATA
    ((path, login, _),) = asked
    assert parse_qs(urlsplit(path).query) == {
        "scope": [f"repository:{NAME}:pull"],
        "service": ["reg"],
    }
    assert login == basic("ada", "secret")


async def test_a_public_image_needs_a_token_and_no_login(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "good"
    asked = registry.serve_token()
    registry.manifest(artifact(registry.file("m.bin", DATA)))

    await found(opened(), registry.uri())

    assert [login for _, login, _ in asked] == [""]


async def test_a_token_that_expires_while_reading_is_renewed(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "good"
    asked = registry.serve_token()
    registry.manifest(artifact(registry.file("m.bin", DATA)))
    storage = opened(LOGIN)
    snapshot = await found(storage, registry.uri())
    registry.token = "newer"
    asked += registry.serve_token("newer")

    def read() -> bytes:
        return b"".join(storage.read_blocking(snapshot.entries[0], 0, None))

    assert await asyncio.to_thread(read) == DATA


async def test_a_token_that_is_not_taken_is_asked_for_once(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "other"
    asked = registry.serve_token("good")
    registry.manifest(artifact(registry.file("m.bin", DATA)))

    with pytest.raises(Unauthenticated) as caught:
        await found(opened(LOGIN), registry.uri())

    assert len(asked) == 1
    assert caught.value.rung == "developer"
    assert "secret" not in str(caught.value)


async def test_an_identity_token_is_posted(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "good"
    asked = registry.serve_token()
    registry.manifest(artifact(registry.file("m.bin", DATA)))

    await found(opened({"OCI_IDENTITY_TOKEN": "refresh-me"}), registry.uri())

    ((_, login, body),) = asked
    assert login == ""
    assert parse_qs(body.decode())["refresh_token"] == ["refresh-me"]


async def test_a_registry_token_is_sent_as_it_is(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "mine"
    registry.manifest(artifact(registry.file("m.bin", DATA)))

    await found(opened({"OCI_REGISTRY_TOKEN": "mine"}), registry.uri())


async def test_no_login_goes_to_a_token_server_of_plain_http_elsewhere(
    registry: FakeRegistry, other_web: WebServer, opened: Callable[..., OciStorage]
) -> None:
    elsewhere = FakeRegistry(other_web)
    registry.token = "good"
    registry.challenge = elsewhere.challenge
    asked = elsewhere.serve_token()
    registry.manifest(artifact(registry.file("m.bin", DATA)))
    local = {"allow_http": True, "allow_networks": ("127.0.0.0/8", "::1/128")}

    await found(opened(LOGIN, **local), registry.uri())

    assert [login for _, login, _ in asked] == [""]


async def test_a_token_server_inside_is_not_asked(
    registry: FakeRegistry, other_web: WebServer, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "good"
    registry.challenge = 'Bearer realm="https://169.254.169.254/token"'
    registry.manifest(artifact(registry.file("m.bin", DATA)))

    with pytest.raises(BlockedAddress, match="its token server"):
        await found(opened(LOGIN), registry.uri())


@pytest.mark.parametrize("challenge", ["", "Negotiate", "Digest realm=x"])
async def test_a_login_of_another_kind_is_said(
    registry: FakeRegistry, opened: Callable[..., OciStorage], challenge: str
) -> None:
    registry.token = "good"
    registry.challenge = challenge
    registry.manifest(artifact(registry.file("m.bin", DATA)))

    with pytest.raises(Unauthenticated, match="login of an unknown kind"):
        await found(opened(LOGIN), registry.uri())


async def test_a_token_server_that_sends_no_token_is_said(
    registry: FakeRegistry, web: WebServer, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "good"
    web.files["/token"] = b"[]"
    registry.manifest(artifact(registry.file("m.bin", DATA)))

    with pytest.raises(Corrupt, match="sent no token"):
        await found(opened(), registry.uri())


async def test_a_blob_elsewhere_is_read_without_the_token(
    registry: FakeRegistry, other_web: WebServer, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "good"
    registry.serve_token()
    registry.manifest(artifact(registry.file("m.bin", DATA)))
    other_web.files["/cdn"] = DATA

    def away(handler: Handler) -> None:
        handler.send_response(307)
        handler.send_header("Location", other_web.url("/cdn"))
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    registry.web.routes[f"/v2/{NAME}/blobs/{digest_of(DATA)}"] = away
    places = (f"http://{registry.address}", other_web.url(""))
    storage = opened(LOGIN, endpoints=places)
    snapshot = await found(storage, registry.uri())

    assert await content(storage, snapshot.entries[0], 10, 5) == DATA[10:15]
    assert not any("Authorization" in each for each in other_web.headers)


@pytest.mark.parametrize(
    ("manifest", "error", "said"),
    [
        (b"<html>", Corrupt, "no manifest"),
        (b"{}", Corrupt, "neither clearly"),
        (b'{"schemaVersion":1,"fsLayers":[]}', NoBackend, "schema 1"),
        (image(manifests=[]), Corrupt, "neither clearly"),
        (image(mediaType=INDEX), Corrupt, "neither clearly"),
        (image(), EmptyModel, "no layers"),
        (b" " * (4 * 2**20 + 1), TooLarge, "longer than"),
        (image({"mediaType": LAYER, "digest": "md5:1", "size": 1}), Corrupt, "blob"),
        (
            image({"mediaType": LAYER, "digest": digest_of(b""), "size": -1}),
            Corrupt,
            "blob",
        ),
        (
            image(
                {
                    "mediaType": LAYER,
                    "digest": digest_of(b""),
                    "size": 0,
                    "urls": ["http://169.254.169.254/"],
                }
            ),
            NotAllowed,
            "at another address",
        ),
        (
            artifact({"mediaType": "text/plain", "digest": digest_of(b""), "size": 0}),
            NoBackend,
            "no name",
        ),
        (
            {
                "schemaVersion": 2,
                "mediaType": INDEX,
                "manifests": [],
            },
            EmptyModel,
            "without an image",
        ),
    ],
)
async def test_a_manifest_that_is_none_is_refused(
    registry: FakeRegistry,
    opened: Callable[..., OciStorage],
    manifest: Any,
    error: type[StorageError],
    said: str,
) -> None:
    registry.manifest(manifest)

    with pytest.raises(error, match=said):
        await found(opened(), registry.uri())


async def test_a_manifest_of_another_digest_is_refused(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    good = artifact(registry.file("m.bin", DATA))
    wrong = digest_of(b"another")
    registry.manifest(good, Docker_Content_Digest=wrong)

    with pytest.raises(Corrupt, match="another sha256"):
        await found(opened(), registry.uri())
    registry.manifest(good, version=wrong)
    with pytest.raises(Corrupt, match="another sha256"):
        await found(opened(), registry.uri(f"@{wrong}"))


async def test_an_endless_index_is_given_up(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    below = registry.manifest(artifact(registry.file("m.bin", DATA)))
    for _ in range(3):
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [below]}
        below = registry.manifest(index)

    with pytest.raises(Corrupt, match="index of indexes"):
        await found(opened(), registry.uri())


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (403, AccessDenied, "answered 403"),
        (429, Unreachable, "answered 429"),
        (503, Unreachable, "answered 503"),
    ],
)
async def test_what_a_registry_refuses_is_said(
    registry: FakeRegistry,
    opened: Callable[..., OciStorage],
    status: int,
    error: type[StorageError],
    said: str,
) -> None:
    def refuse(handler: Handler) -> None:
        handler.send_response(status)
        handler.send_header("Retry-After", "7")
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    registry.web.routes[f"/v2/{NAME}/manifests/1"] = refuse

    with pytest.raises(error, match=said) as caught:
        await found(opened(), registry.uri())
    if isinstance(caught.value, Unreachable):
        assert caught.value.retry_after == 7


async def test_a_blob_that_is_gone_or_short_is_said(
    registry: FakeRegistry, web: WebServer, opened: Callable[..., OciStorage]
) -> None:
    described = registry.file("m.bin", DATA)
    registry.manifest(artifact(described))
    storage = opened()
    (entry,) = (await found(storage, registry.uri())).entries
    path = f"/v2/{NAME}/blobs/{described['digest']}"
    web.routes[path] = lambda handler: web.send(handler, DATA, cut=100)

    with pytest.raises(Truncated):
        [_ async for _ in storage.read(entry, 0, None)]
    with pytest.raises(Truncated):
        await asyncio.to_thread(list, storage.read_blocking(entry, 0, None))
    web.routes[path] = lambda handler: handler.send_error(404)
    with pytest.raises(NotFound, match="lost a part"):
        [_ async for _ in storage.read(entry, 0, None)]


async def test_plain_http_is_for_registries_that_the_operator_named(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    registry.manifest(artifact(registry.file("m.bin", DATA)))
    networks = ("127.0.0.0/8", "::1/128")

    with pytest.raises(StorageError):
        await found(opened(endpoints=()), registry.uri())
    with pytest.raises(StorageError):
        await found(opened(endpoints=(), allow_networks=networks), registry.uri())
    local = {"endpoints": (), "allow_networks": networks, "allow_http": True}
    assert await found(opened(**local), registry.uri())
    insecure = {"KSERVE_OCI_INSECURE_REGISTRY": "true"}
    kserve = opened(insecure, endpoints=(), allow_networks=networks)
    assert await found(kserve, registry.uri())


async def test_no_login_goes_over_http_that_is_only_allowed(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "good"
    asked = registry.serve_token()
    registry.manifest(artifact(registry.file("m.bin", DATA)))
    networks = ("127.0.0.0/8", "::1/128")
    local = {"endpoints": (), "allow_networks": networks, "allow_http": True}

    await found(opened(LOGIN, **local), registry.uri())
    await found(opened(LOGIN), registry.uri())

    assert [bool(login) for _, login, _ in asked] == [False, True]


async def test_a_client_reads_what_another_one_resolved(
    registry: FakeRegistry, opened: Callable[..., OciStorage]
) -> None:
    registry.token = "good"
    registry.serve_token()
    registry.manifest(artifact(registry.file("m.bin", DATA)))
    (entry,) = (await found(opened(), registry.uri())).entries

    other = opened()

    read = await asyncio.to_thread(list, other.read_blocking(entry, 0, None))
    assert b"".join(read) == DATA
