"""Calls of the controller through the faults of a server and of the network."""

from __future__ import annotations

import json
import logging
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from bed.faults import Fault
from inferry_controller.kube import errors
from inferry_controller.kube.client import Client
from inferry_controller.kube.kinds import (
    CONFIG_MAP,
    NODE,
)
from kube_users import account, config
from yarl import URL

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from bed.cluster import Cluster
    from bed.faults import Call, FaultProxy


@pytest.fixture
async def through(
    cluster: Cluster, namespace: str, fault_proxy: FaultProxy
) -> AsyncIterator[Client]:
    """Return a client behind the proxy that injects faults."""
    kubeconfig = account(cluster, namespace, fault_proxy.url)
    async with Client.connect(str(kubeconfig)) as client:
        yield client


def first(count: int, fault: Fault) -> Any:
    """Return a rule: the first *count* calls from now on suffer *fault*."""
    left = [count]

    def rule(_: Call) -> Fault | None:
        left[0] -= 1
        return fault if left[0] >= 0 else None

    return rule


@pytest.mark.parametrize(
    "fault",
    [
        Fault(status=429, retry_after=0),
        Fault(status=500),
        Fault(status=503, retry_after=0),
        Fault(status=504),
        Fault(cut=True),
        Fault(after=True),
    ],
    ids=["429", "500", "503", "504", "reset", "reset-after-it-was-done"],
)
async def test_a_call_that_may_be_repeated_survives_faults(
    through: Client, namespace: str, fault_proxy: FaultProxy, fault: Fault
) -> None:
    fault_proxy.rule = first(2, fault)
    await through.apply(config(namespace, "a", x="1"), manager="test")
    assert (await through.get(CONFIG_MAP, namespace, "a"))["data"] == {"x": "1"}


async def test_a_create_whose_answer_is_lost_is_not_repeated(
    through: Client, namespace: str, fault_proxy: FaultProxy
) -> None:
    fault_proxy.rule = first(1, Fault(after=True))
    with pytest.raises(errors.Unavailable, match="broke the connection"):
        await through.create(config(namespace, "a"))
    assert len(fault_proxy.writes()) == 1


async def test_a_create_that_was_never_begun_is_repeated(
    through: Client, namespace: str, fault_proxy: FaultProxy
) -> None:
    fault_proxy.rule = first(2, Fault(status=429, retry_after=0))
    await through.create(config(namespace, "a"))
    assert len(fault_proxy.writes()) == 3


async def test_faults_without_end_are_given_up(
    through: Client, namespace: str, fault_proxy: FaultProxy
) -> None:
    fault_proxy.rule = first(99, Fault(status=503, retry_after=0))
    with pytest.raises(errors.Unavailable) as given_up:
        await through.apply(config(namespace, "a"), manager="test")
    assert given_up.value.status == 503
    assert len(fault_proxy.calls) == 5


async def test_the_server_is_waited_for_as_long_as_it_asks(
    through: Client, namespace: str, fault_proxy: FaultProxy
) -> None:
    fault_proxy.rule = first(1, Fault(status=429, retry_after=1))
    begun = time.monotonic()
    await through.apply(config(namespace, "a"), manager="test")
    assert time.monotonic() - begun >= 1.0


async def test_a_slow_server_is_given_up_in_time(
    through: Client, namespace: str, fault_proxy: FaultProxy
) -> None:
    await through.list(CONFIG_MAP, namespace)
    fault_proxy.rule = lambda _: Fault(delay=5)
    begun = time.monotonic()
    with pytest.raises(errors.Unavailable, match="did not answer in time"):
        await through.get(CONFIG_MAP, namespace, "a", within=0.3)
    assert time.monotonic() - begun < 2


async def test_a_call_that_was_given_up_leaves_no_connection(
    cluster: Cluster, namespace: str, fault_proxy: FaultProxy
) -> None:
    fault_proxy.rule = lambda _: Fault(delay=5)
    port = URL(fault_proxy.url).port

    def ours() -> list[object]:
        found = psutil.Process().net_connections("tcp")
        return [each for each in found if each.raddr and each.raddr.port == port]

    kubeconfig = account(cluster, namespace, fault_proxy.url)
    async with Client.connect(str(kubeconfig)) as client:
        with pytest.raises(errors.Unavailable, match="did not answer in time"):
            await client.get(CONFIG_MAP, namespace, "a", within=0.3)
        assert ours()  # it waits for the server's good-bye
    assert [each for each in ours() if each.status != psutil.CONN_TIME_WAIT] == []


async def test_a_server_that_is_not_there_is_said_so(
    cluster: Cluster, unused_tcp_port: int, tmp_path: Path
) -> None:
    document = json.loads(cluster.kubeconfig.read_text())
    server = f"https://127.0.0.1:{unused_tcp_port}"
    document["clusters"][0]["cluster"]["server"] = server
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(document))
    async with Client.connect(str(path), attempts=1) as client:
        begun = time.monotonic()
        with pytest.raises(errors.Unavailable, match="cannot be reached") as away:
            await client.get(NODE, "", "a")
    assert away.value.reason == "NotConnected"
    assert "Connect call failed" in away.value.message
    assert "object at 0x" not in away.value.message
    assert time.monotonic() - begun < 2


async def test_a_proxy_of_the_kubeconfig_is_used(
    cluster: Cluster, unused_tcp_port: int, tmp_path: Path
) -> None:
    document = json.loads(cluster.kubeconfig.read_text())
    proxy = f"http://user:secret@127.0.0.1:{unused_tcp_port}"
    document["clusters"][0]["cluster"]["proxy-url"] = proxy
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(document))
    async with Client.connect(str(path)) as client:
        with pytest.raises(errors.Unavailable) as refused:
            await client.get(NODE, "", "a", within=2)
    assert str(unused_tcp_port) in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_no_token_is_in_an_error_or_a_log(
    through: Client,
    namespace: str,
    fault_proxy: FaultProxy,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    token = through.transport.access.authorization
    assert token is not None
    fault_proxy.rule = first(99, Fault(status=401, text=f"bad token: {token}"))
    with pytest.raises(errors.Unauthorized) as refused:
        await through.list(CONFIG_MAP, namespace)
    secret = token.split()[1]
    assert secret not in str(refused.value)
    assert secret not in caplog.text
