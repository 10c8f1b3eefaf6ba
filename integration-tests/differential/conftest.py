"""Both servers asked everything once; the tests look at what was seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from differential.observing import Asked, Facts
    from differential.peers import Peer

    from inferry.testing.protocol import Served

#: transport -> case -> what the server answered.
Seen = dict[str, dict[str, "Facts"]]


@pytest.fixture(scope="session")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    from differential.peers import start_ours

    served = start_ours(tmp_path_factory.mktemp("ours"))
    yield served
    assert served.stop() == 0, served.said


@pytest.fixture(scope="session")
def kserve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    from differential.peers import start_kserve

    peer = start_kserve(tmp_path_factory.mktemp("kserve"))
    yield peer
    peer.stop()


@pytest.fixture(scope="session")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    from differential.peers import start_triton

    peer = start_triton(tmp_path_factory.mktemp("triton"))
    yield peer
    peer.stop()


@pytest.fixture(scope="session")
def seen(request: pytest.FixtureRequest) -> Callable[[str], Seen]:
    """Return a function that asks a server everything, once, and gives the answers."""
    known: dict[str, Seen] = {}

    def ask(server: str) -> Seen:
        if server not in known:
            known[server] = _everything(request.getfixturevalue(server))
        return known[server]

    return ask


def _everything(served: Asked | Any) -> Seen:
    from differential import cases, observing

    return {
        "http": {
            name: observing.over_http(served, asked)
            for name, asked in cases.HTTP.items()
        },
        "grpc": {
            name: observing.over_grpc(served, *asked)
            for name, asked in cases.GRPC.items()
        },
    }
