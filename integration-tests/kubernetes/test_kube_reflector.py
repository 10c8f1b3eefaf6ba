"""Stores that stay equal to a real API server, whatever happens to the watch."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from bed.faults import Fault, FaultProxy
from inferry_controller.kube import reading, stream
from inferry_controller.kube.client import Client
from inferry_controller.kube.documents import stripped
from inferry_controller.kube.kinds import (
    CONFIG_MAP,
    CUSTOM_RESOURCE_DEFINITION,
    Kind,
)
from inferry_controller.kube.reflector import Reflector
from inferry_controller.kube.store import Store
from kube_users import account, config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from bed.cluster import Cluster

Object = dict[str, Any]


@asynccontextmanager
async def reflecting(
    client: Client, kind: Kind = CONFIG_MAP, *, sync: bool = True, **options: Any
) -> AsyncIterator[tuple[Reflector[Object], list[tuple[str, str]]]]:
    """Yield a running reflector, and what its store tells: (what, name)."""
    told: list[tuple[str, str]] = []
    store: Store[Object] = Store()

    def listen(change: Any) -> None:
        what = "deleted" if change.after is None else "changed"
        told.append(("added" if change.before is None else what, change.key[1]))

    store.subscribe(listen)
    reflector = Reflector(client, kind, store, project=stripped, **options)
    running = asyncio.create_task(reflector.run())
    try:
        if sync:
            await asyncio.wait_for(reflector.wait_synced(), 20)
        yield reflector, told
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def eventually(check: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not check():  # noqa: ASYNC110 - what it looks at tells nobody
            await asyncio.sleep(0.02)


def names(reflector: Reflector[Object]) -> list[str]:
    return sorted(each["metadata"]["name"] for each in reflector.store)


@pytest.fixture
def fault_proxy_of() -> Iterator[Callable[[Cluster], FaultProxy]]:
    """Return what puts a proxy before a cluster; it ends with the test."""
    with ExitStack() as stack:

        def start(cluster: Cluster) -> FaultProxy:
            pair = cluster.serving_pair("gap")
            proxy = FaultProxy(cluster.url, cluster.authority, pair)
            return stack.enter_context(proxy)

        yield start


@pytest.fixture
async def admin(cluster: Cluster) -> AsyncIterator[Client]:
    async with Client.connect(str(cluster.kubeconfig)) as client:
        yield client


@pytest.fixture
async def through(
    cluster: Cluster, namespace: str, fault_proxy: FaultProxy
) -> AsyncIterator[Client]:
    kubeconfig = account(cluster, namespace, fault_proxy.url)
    async with Client.connect(str(kubeconfig)) as client:
        yield client


async def test_what_was_there_and_what_happens_is_seen(
    admin: Client, namespace: str
) -> None:
    await admin.create(config(namespace, "a", x="1"))
    async with reflecting(admin, namespaces=(namespace,)) as (reflector, told):
        made = await admin.apply(config(namespace, "b"), manager="test")
        version = made["metadata"]["resourceVersion"]
        await eventually(lambda: reflector.store.reached(version, namespace))
        assert reflector.store.get(namespace, "b") is not None
        await admin.patch(CONFIG_MAP, namespace, "a", {"data": {"x": "2"}})
        await admin.delete(CONFIG_MAP, namespace, "b")
        await eventually(lambda: ("deleted", "b") in told)
        assert told == [
            ("added", "a"),
            ("added", "b"),
            ("changed", "a"),
            ("deleted", "b"),
        ]
        found = reflector.store.get(namespace, "a")
        assert found is not None
        assert found["data"] == {"x": "2"}
        assert "managedFields" not in found["metadata"]


async def test_a_list_of_several_pages_is_whole(
    admin: Client, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: list[int] = []
    page = reading.Reader.page

    async def small(self: Any, *args: Any, **options: Any) -> Any:
        found = await page(self, *args, **{"limit": 7, **options})
        pages.append(len(found.items))
        return found

    monkeypatch.setattr(reading.Reader, "page", small)
    await asyncio.gather(*(admin.create(config(namespace, f"c{n}")) for n in range(30)))
    async with reflecting(admin, namespaces=(namespace,)) as (reflector, _):
        assert names(reflector) == sorted(f"c{n}" for n in range(30))
        assert pages == [7, 7, 7, 7, 2]


async def test_an_expired_list_is_made_anew_in_one_piece(
    admin: Client,
    through: Client,
    namespace: str,
    fault_proxy: FaultProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page = reading.Reader.page

    async def small(self: Any, *args: Any, **options: Any) -> Any:
        return await page(self, *args, **{"limit": 3, **options})

    monkeypatch.setattr(reading.Reader, "page", small)
    await asyncio.gather(*(admin.create(config(namespace, f"c{n}")) for n in range(5)))
    fault_proxy.rule = lambda call: (
        Fault(status=410) if "continue" in call.query else None
    )
    async with reflecting(through, namespaces=(namespace,)) as (reflector, _):
        assert names(reflector) == [f"c{n}" for n in range(5)]


async def test_watches_that_are_cut_go_on_without_a_new_list(
    admin: Client, through: Client, namespace: str, fault_proxy: FaultProxy
) -> None:
    async with reflecting(through, namespaces=(namespace,)) as (reflector, told):
        for name in ("a", "b", "c"):
            await eventually(fault_proxy.close_watches)
            await admin.create(config(namespace, name))
            await eventually(lambda name=name: ("added", name) in told)
        assert names(reflector) == ["a", "b", "c"]
        lists = [call for call in fault_proxy.calls if not call.is_watch]
        assert len(lists) == 1


async def test_watches_that_the_server_ends_go_on(
    admin: Client, namespace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "WATCH", (1, 1))
    async with reflecting(admin, namespaces=(namespace,)) as (reflector, told):
        for name in ("a", "b", "c"):
            await asyncio.sleep(0.8)
            await admin.create(config(namespace, name))
        await eventually(lambda: len(told) == 3)
        assert names(reflector) == ["a", "b", "c"]


async def test_faults_of_lists_and_watches_are_outlived(
    admin: Client, through: Client, namespace: str, fault_proxy: FaultProxy
) -> None:
    faults = [
        Fault(status=500),
        Fault(cut=True),
        Fault(status=429, retry_after=0),
        Fault(after=True),
        Fault(status=401),
        Fault(delay=0.3),
    ]
    fault_proxy.rule = lambda call: faults.pop() if faults else None
    async with reflecting(through, namespaces=(namespace,)) as (_, told):
        faults += [Fault(status=503), Fault(cut=True), Fault(status=429)]
        await eventually(fault_proxy.close_watches)
        await admin.create(config(namespace, "a"))
        await eventually(lambda: ("added", "a") in told)
        assert faults == []


async def test_namespaces_are_watched_one_by_one(
    admin: Client, cluster: Cluster, namespace: str
) -> None:
    second, third = cluster.namespace(), cluster.namespace()
    await admin.create(config(third, "unseen"))
    async with reflecting(admin, namespaces=(namespace, second)) as (reflector, told):
        await admin.create(config(namespace, "a"))
        await admin.create(config(second, "b"))
        await eventually(lambda: len(told) == 2)
        assert names(reflector) == ["a", "b"]


async def test_a_selector_keeps_the_others_out(admin: Client, namespace: str) -> None:
    ours = config(namespace, "ours")
    ours["metadata"]["labels"] = {"app": "ours"}
    await admin.create(config(namespace, "other"))
    options: Any = {"namespaces": (namespace,), "selector": "app=ours"}
    async with reflecting(admin, **options) as (reflector, told):
        await admin.create(ours)
        await eventually(lambda: told)
        assert names(reflector) == ["ours"]
        lost = {"metadata": {"labels": {"app": None}}}
        await admin.patch(CONFIG_MAP, namespace, "ours", lost)
        await eventually(lambda: ("deleted", "ours") in told)


def definition(kind: Kind) -> Object:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True}
    names = {"plural": kind.plural, "kind": kind.kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": str(kind)},
        "spec": {
            "group": kind.group,
            "scope": "Namespaced",
            "names": names,
            "versions": [{**version, "schema": {"openAPIV3Schema": schema}}],
        },
    }


async def test_a_kind_may_come_later_and_go_again(
    admin: Client, namespace: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    kind = Kind(f"t{uuid4().hex[:8]}.example", "v1", "things", "Thing")
    served: list[bool] = []
    options: Any = {"optional": True, "absent": 0.2, "served": served.append}
    thing = {
        "apiVersion": kind.api_version,
        "kind": "Thing",
        "metadata": {"namespace": namespace, "name": "a"},
    }
    async with reflecting(admin, kind, **options) as (reflector, told):
        assert (reflector.is_served, served) == (False, [False])
        await asyncio.sleep(1)
        for _ in range(2):
            await admin.create(definition(kind))
            await eventually(lambda: reflector.is_served)
            await admin.create(thing, kind=kind)
            await eventually(lambda: ("added", "a") in told)
            await admin.delete(CUSTOM_RESOURCE_DEFINITION, "", str(kind))
            await eventually(lambda: told[-1] == ("deleted", "a"))
            await eventually(lambda: not reflector.is_served)
            told.clear()
        assert served == [False, True, False, True, False]
    said = [each for each in caplog.messages if "is not served" in each]
    assert len(said) == 3, "once each time that it is not there"


async def test_what_may_not_be_read_is_waited_for(
    cluster: Cluster, admin: Client, namespace: str
) -> None:
    cluster.api.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "me"}},
        namespace,
    )
    powerless = cluster.service_account("me", namespace)
    async with Client.connect(str(powerless)) as client:
        options: Any = {"namespaces": (namespace,)}
        async with (
            reflecting(client, sync=False, **options) as (needed, told),
            reflecting(client, optional=True, **options),
        ):
            assert not needed.synced
            account(cluster, namespace)
            await admin.create(config(namespace, "a"))
            await eventually(lambda: ("added", "a") in told)


async def test_a_server_that_restarts_loses_no_change(
    new_cluster: Callable[..., Cluster],
) -> None:
    """The watch breaks, 429 follows while storage begins, and 410 for old versions."""
    cluster = new_cluster()
    namespace = cluster.namespace()
    async with Client.connect(str(cluster.kubeconfig)) as client:
        for name in ("kept", "deleted", "changed"):
            await client.create(config(namespace, name))
        async with reflecting(client) as (reflector, told):
            told.clear()
            await asyncio.to_thread(cluster.restart, "kube-apiserver")
            await client.delete(CONFIG_MAP, namespace, "deleted")
            await client.patch(CONFIG_MAP, namespace, "changed", {"data": {"x": "1"}})
            await client.create(config(namespace, "new"))
            await eventually(lambda: ("added", "new") in told)
            await eventually(lambda: ("deleted", "deleted") in told)
            await eventually(lambda: ("changed", "changed") in told)
            assert [each for each in told if each[1] == "kept"] == []
            assert reflector.synced
    cluster.close()


async def test_what_was_deleted_in_a_gap_that_ends_in_410_is_seen(
    new_cluster: Callable[..., Cluster], fault_proxy_of: Callable[[Cluster], FaultProxy]
) -> None:
    """The watcher is cut off while objects come and go, and etcd is compacted."""
    cluster = new_cluster(options=("--etcd-compaction-interval=2s",))
    namespace = cluster.namespace()
    proxy = fault_proxy_of(cluster)
    kubeconfig = account(cluster, namespace, proxy.url)
    async with (
        Client.connect(str(kubeconfig)) as client,
        Client.connect(str(cluster.kubeconfig)) as admin,
    ):
        for name in ("kept", "deleted", "replaced"):
            await admin.create(config(namespace, name))
        async with reflecting(client, namespaces=(namespace,)) as (reflector, told):
            before = reflector.store.get(namespace, "replaced")
            told.clear()
            await eventually(lambda: proxy._watches)
            proxy.rule = lambda _: Fault(cut=True)
            assert proxy.close_watches() == 1
            await admin.delete(CONFIG_MAP, namespace, "deleted")
            await admin.delete(CONFIG_MAP, namespace, "replaced")
            await admin.create(config(namespace, "replaced"))
            await asyncio.sleep(5)  # a version is kept for one to two intervals
            await asyncio.to_thread(cluster.restart, "kube-apiserver")
            proxy.rule = lambda _: None
            await eventually(lambda: ("deleted", "deleted") in told, 40)
            assert names(reflector) == ["kept", "replaced"]
            assert told.count(("changed", "replaced")) == 1
            assert ("added", "kept") not in told
            after = reflector.store.get(namespace, "replaced")
            assert before is not None
            assert after is not None
            assert before["metadata"]["uid"] != after["metadata"]["uid"]
            lists = [call for call in proxy.calls if not call.is_watch]
            assert [call.status for call in lists].count(200) == 2
    cluster.close()
