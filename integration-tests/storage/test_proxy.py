"""The proxy does the faults that it says, and nothing else; httpx is who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from storage.blobs import Blob
from storage.faults import Cuts, Fault, FaultProxy
from storage.origin import Origin

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOB = Blob(3_000_000, seed=1)
URL = "/b/one.bin"


@pytest.fixture
def origin() -> Iterator[Origin]:
    with Origin({"b/one.bin": BLOB}) as running:
        yield running


@pytest.fixture
def proxy(origin: Origin) -> Iterator[FaultProxy]:
    with FaultProxy(("127.0.0.1", origin.port)) as running:
        yield running


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client(trust_env=False, timeout=2) as made:
        yield made


def test_without_a_rule_every_byte_passes_and_is_counted(
    proxy: FaultProxy, client: httpx.Client
) -> None:
    assert client.get(proxy.url + URL).content == BLOB.read()
    part = client.get(proxy.url + URL, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, BLOB.read()[10:20])
    assert client.head(proxy.url + URL).headers["content-length"] == "3000000"
    assert [seen.status for seen in proxy.seen] == [200, 206, 200]
    assert proxy.sent == BLOB.size + 10


def test_a_body_may_be_shorter_or_longer_than_asked_and_say_so(
    proxy: FaultProxy, client: httpx.Client
) -> None:
    proxy.rule = lambda ask: Fault(less=7) if ask.number == 0 else Fault(more=5)
    assert len(client.get(proxy.url + URL).content) == BLOB.size - 7
    assert len(client.get(proxy.url + URL).content) == BLOB.size + 5


def test_one_byte_of_the_object_is_flipped_wherever_the_range_begins(
    proxy: FaultProxy, client: httpx.Client
) -> None:
    proxy.rule = lambda _: Fault(flip=1_000_000)
    got = client.get(proxy.url + URL, headers={"Range": "bytes=999990-1000009"})
    right = BLOB.read()[999_990:1_000_010]
    assert [i for i in range(20) if got.content[i] != right[i]] == [10]


def test_a_status_is_given_with_its_headers(
    proxy: FaultProxy, client: httpx.Client
) -> None:
    proxy.rule = lambda _: Fault(status=429, headers={"Retry-After": "3"})
    got = client.get(proxy.url + URL)
    assert (got.status_code, got.headers["retry-after"]) == (429, "3")
    assert proxy.sent == 0


@pytest.mark.parametrize("fault", [Fault(cut=1000), Fault(stall=1000)], ids=str)
def test_a_body_ends_or_hangs_before_its_length(
    proxy: FaultProxy, client: httpx.Client, fault: Fault
) -> None:
    proxy.rule = lambda _: fault
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError, httpx.ReadTimeout)):
        client.get(proxy.url + URL)
    assert proxy.sent == 1000


def test_connections_are_cut_by_share_and_seed(
    origin: Origin, client: httpx.Client
) -> None:
    cuts = Cuts(share=0.6, least=1000, most=2_000_000, seed=5)
    ended = []
    for _ in range(2):
        with FaultProxy(("127.0.0.1", origin.port), cuts=cuts) as proxy:
            ended.append([_arrives(proxy) for _ in range(20)])
    assert ended[0] == ended[1]
    assert 5 <= ended[0].count(False) <= 18


def _arrives(proxy: FaultProxy) -> bool:
    try:
        return httpx.get(proxy.url + URL, trust_env=False).content == BLOB.read()
    except httpx.HTTPError:
        return False


def test_it_calls_back_when_so_many_bytes_have_passed(
    proxy: FaultProxy, client: httpx.Client
) -> None:
    counts: list[int] = []
    proxy.tell(2_000_000, lambda: counts.append(proxy.sent))
    client.get(proxy.url + URL)
    client.get(proxy.url + URL)
    assert len(counts) == 1
    assert 2_000_000 <= counts[0] < 2_300_000
