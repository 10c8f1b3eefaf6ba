"""Requests that a service would have this machine send where only it can: none is.

Every case is tried against a network in which each name resolves as the attacker likes
and each address answers, the metadata service too. Nothing may be connected to but the
one public server.
"""

from __future__ import annotations

import json
import socket
from itertools import product
from typing import TYPE_CHECKING, Any

import httpcore
import pytest

from inferry.errors import StorageError
from inferry.storage import Access, Credentials, Entry, Source
from inferry_storage.backends.https import HttpsStorage
from inferry_storage.backends.oci import OciStorage
from inferry_storage.network.exchange import Exchange
from inferry_storage.policy import Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Handler, WebServer

PUBLIC = "93.184.216.34"
#: With http allowed, the address is all that stands between.
OPEN = {"allow_http": True, "stall_seconds": 2.0}

ADDRESSES = [
    *("0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255"),
    *("100.64.0.1", "100.100.100.200", "100.127.255.254"),
    *("127.0.0.1", "127.1.2.3", "127.255.255.254"),
    *("168.63.129.16", "169.254.169.254", "169.254.170.2", "169.254.0.1"),
    *("172.16.0.1", "172.31.255.254", "192.0.0.1", "192.0.0.192", "192.0.2.1"),
    *("192.88.99.1", "192.168.0.1", "192.168.255.254", "198.18.0.1", "198.51.100.1"),
    *("203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::127.0.0.1", "::a9fe:a9fe", "::ffff:127.0.0.1"),
    *("::ffff:169.254.169.254", "::ffff:10.0.0.1", "0:0:0:0:0:ffff:7f00:1"),
    *("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1"),
    *("2001::1", "2001:0:7f00:1::", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::"),
    *("3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fd20:ce::254"),
    *("fe80::1", "fec0::1", "ff02::1", "ff0e::1"),
]
SPELLINGS = [
    *("2130706433", "0x7f000001", "017700000001", "0x7f.0.0.1", "0177.0.0.1"),
    *("127.1", "127.0.1", "0x7f.1", "0177.1", "127.0.0.01", "127.0.0.0x1"),
    *("2852039166", "0xa9fea9fe", "0xA9.0xFE.0xA9.0xFE", "169.254.43518"),
    *("127.0.0.1.", "localhost", "localhost.", "LOCALHOST", "a.localhost"),
    *("127\u30020\u30020\u30021", "\u2460\u2461\u2466.0.0.1", "xn--", "[fe80::1%25lo]"),
    *("[::1%25lo]", "[::ffff:7f00:1]", "[::ffff:127.0.0.1]", "[::1].", "0", "0x0"),
    *("public.example@127.0.0.1", "public.example:80@127.0.0.1", "a@b@127.0.0.1"),
    *("public.example\\@127.0.0.1", "127.0.0.1\\.public.example", "%31%32%37.0.0.1"),
    *("127.0.0.1%00.public.example", "127.0.0.1%2f.public.example", "127.0.0.1#@x.y"),
    *("metadata.google.internal", "metadata", "inside.example", "both.example"),
]
SCHEMES = ["ftp", "file", "gopher", "dict", "ws", "unix", "javascript", "data"]


class Network:
    """Names and addresses as the attacker has them, and what was connected to."""

    def __init__(self, public: WebServer) -> None:
        self.public = int(public.url("").rpartition(":")[2])
        self.reached: list[str] = []
        self.answers: dict[str, list[str]] = {
            "public.example": [PUBLIC],
            "registry.example": [PUBLIC],
            "inside.example": ["10.0.0.7"],
            "both.example": ["fd00::7", "169.254.169.254"],
            "localhost": ["127.0.0.1", "::1"],
            "a.localhost": ["127.0.0.1"],
            "metadata": ["169.254.169.254"],
            "metadata.google.internal": ["169.254.169.254"],
        }

    def resolve(self, host: Any, port: Any, *more: Any, **keys: Any) -> Any:
        found = self.answers.get(str(host).rstrip("."))
        if found is None:
            # Numbers in every way that the C library reads, and nothing of the world.
            keys["flags"] = socket.AI_NUMERICHOST
            return REAL_RESOLVE(host, port, *more, **keys)
        return [
            (
                socket.AF_INET6 if ":" in each else socket.AF_INET,
                socket.SOCK_STREAM,
                6,
                "",
                (each, port or 0),
            )
            for each in found
        ]

    def connect(self, address: tuple[str, int], *more: Any, **keys: Any) -> Any:
        self._note(address[0])
        return REAL_CONNECT(("127.0.0.1", self.public), *more, **keys)

    async def connect_async(self, this: Any, host: str, _: int, *more: Any) -> Any:
        self._note(host)
        return await REAL_ASYNC(this, "127.0.0.1", self.public, *more)

    def _note(self, address: str) -> None:
        if address != PUBLIC:
            self.reached.append(address)


REAL_RESOLVE = socket.getaddrinfo
REAL_CONNECT = socket.create_connection
REAL_ASYNC = httpcore.AnyIOBackend.connect_tcp


@pytest.fixture
def network(web: WebServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    found = Network(web)

    async def connect(this: Any, host: str, port: int, *more: Any) -> Any:
        return await found.connect_async(this, host, port, *more)

    monkeypatch.setattr(socket, "getaddrinfo", found.resolve)
    monkeypatch.setattr(socket, "create_connection", found.connect)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    yield found
    assert found.reached == []


async def resolved(uri: str, **settings: Any) -> Any:
    storage = HttpsStorage(Access(settings=settings))
    try:
        return await storage.resolve(Source(uri=uri))
    finally:
        await storage.close()


async def streamed(uri: str) -> bytes:
    exchange = Exchange(Policy.of(OPEN), {})
    try:
        with exchange.stream(uri) as answer:
            return b"".join(answer.chunks())
    finally:
        await exchange.close()


def leads_to(target: str) -> Any:
    def answer(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address


HOSTS = [*map(bracketed, ADDRESSES), *SPELLINGS]
OWN = [host for host in HOSTS if host not in {"inside.example", "both.example"}]


async def test_the_public_server_is_reached(web: WebServer, network: Network) -> None:
    """All cases would fail for nothing if no connection could be made at all."""
    web.files["/m.bin"] = b"model"

    found = await resolved("http://public.example/m.bin", **OPEN)

    assert found.entries[0].size == len(b"model")
    assert await streamed("http://public.example/m.bin") == b"model"


@pytest.mark.parametrize("host", HOSTS)
async def test_no_storage_uri_leads_inside(
    web: WebServer, network: Network, host: str
) -> None:
    with pytest.raises(StorageError):
        await resolved(f"http://{host}/m.bin", **OPEN)
    with pytest.raises(StorageError):
        await resolved(f"https://{host}/m.bin")
    with pytest.raises(StorageError):
        await streamed(f"http://{host}/m.bin")
    assert web.requests == []


@pytest.mark.parametrize("host", HOSTS)
async def test_no_redirect_leads_inside(
    web: WebServer, network: Network, host: str
) -> None:
    web.routes["/a"] = leads_to(
        f"http://{host}/m.bin".encode("ascii", "ignore").decode()
    )

    with pytest.raises(StorageError):
        await resolved("http://public.example/a", **OPEN)
    with pytest.raises(StorageError):
        await streamed("http://public.example/a")


@pytest.mark.parametrize("address", ADDRESSES)
async def test_no_answer_of_a_name_server_leads_inside(
    network: Network, address: str
) -> None:
    network.answers["evil.example"] = [address]

    with pytest.raises(StorageError):
        await resolved("http://evil.example/m.bin", **OPEN)
    with pytest.raises(StorageError):
        await streamed("http://evil.example/m.bin")


@pytest.mark.parametrize("host", OWN)
async def test_no_proxy_is_asked_for_what_is_inside(
    web: WebServer, network: Network, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """Names of the world are a proxy's to resolve; addresses and own names are not."""
    monkeypatch.setenv("http_proxy", f"http://{PUBLIC}:80")

    with pytest.raises(StorageError):
        await resolved(f"http://{host}/m.bin", **OPEN)
    with pytest.raises(StorageError):
        await streamed(f"http://{host}/m.bin")
    assert web.requests == []


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_no_redirect_changes_to_another_scheme(
    web: WebServer, network: Network, scheme: str
) -> None:
    web.routes["/a"] = leads_to(f"{scheme}://public.example/m.bin")

    with pytest.raises(StorageError):
        await resolved("http://public.example/a", **OPEN)
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    ("place", "address"), list(product(["realm", "blob", "host"], ADDRESSES[::4]))
)
async def test_no_registry_leads_inside(
    web: WebServer, network: Network, place: str, address: str
) -> None:
    def challenged(handler: Handler) -> None:
        handler.send_response(401)
        realm = f"http://{bracketed(address)}/token"
        handler.send_header("WWW-Authenticate", f'Bearer realm="{realm}",service="s"')
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    web.routes["/v2/team/model/manifests/1"] = challenged
    web.routes["/v2/team/model/blobs/b"] = leads_to(f"http://{bracketed(address)}/b")
    host = bracketed(address) + ":80" if place == "host" else "registry.example"
    access = Access(
        settings={**OPEN, "endpoints": ("http://registry.example",)},
        credentials=Credentials(
            rung="developer", values={"OCI_USERNAME": "u", "OCI_PASSWORD": "secret"}
        ),
    )
    storage = OciStorage(access)
    uri = f"oci://{host}/team/model:1"

    with pytest.raises(StorageError) as caught:
        await (read_blob(storage) if place == "blob" else resolve(storage, uri))
    await storage.close()
    assert "secret" not in str(caught.value)


async def resolve(storage: OciStorage, uri: str) -> None:
    await storage.resolve(Source(uri=uri))


async def read_blob(storage: OciStorage) -> None:
    image = "registry.example/team/model"
    url = f"http://{image.replace('/', '/v2/', 1)}/blobs/b"
    location = json.dumps({"uri": f"oci://{image}:1", "url": url})
    entry = Entry(path="a", size=1, location=location)
    assert [chunk async for chunk in storage.read(entry, 0, None)]


async def test_a_name_that_answers_differently_later_gains_nothing(
    web: WebServer, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked up once: what was checked is what is connected to."""
    web.files["/m.bin"] = b"model"
    answers = iter([[PUBLIC], ["169.254.169.254"], ["169.254.169.254"]])
    real = network.resolve

    def rebinding(host: Any, *more: Any, **keys: Any) -> Any:
        if host == "evil.example":
            network.answers["evil.example"] = next(answers)
        return real(host, *more, **keys)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    assert await streamed("http://evil.example/m.bin") == b"model"
    with pytest.raises(StorageError, match=r"169\.254\.169\.254"):
        await streamed("http://evil.example/m.bin")


async def test_a_good_answer_beside_a_bad_one_is_used_alone(
    web: WebServer, network: Network
) -> None:
    web.files["/m.bin"] = b"model"
    network.answers["mixed.example"] = ["10.0.0.1", PUBLIC, "::1"]

    assert await streamed("http://mixed.example/m.bin") == b"model"


def test_there_are_enough_cases() -> None:
    tried = len(HOSTS) * 3 + len(ADDRESSES) + len(SCHEMES) + 3 * len(ADDRESSES[::4])
    assert tried >= 200
