"""The client of the controller, verb by verb, against a real API server."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest
from inferry_controller.kube import errors
from inferry_controller.kube.client import Client
from inferry_controller.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    INFERENCE_SERVICE,
    Kind,
)
from kube_users import config

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bed.cluster import Cluster


@pytest.fixture
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    async with Client.connect(str(cluster.kubeconfig)) as opened:
        yield opened


async def test_an_object_is_applied_read_patched_scaled_and_deleted(
    client: Client, namespace: str
) -> None:
    labels = {"app": "a"}
    container = {"name": "c", "image": "i"}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": labels}, "template": pod}
    made = await client.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"namespace": namespace, "name": "a"},
            "spec": spec,
        },
        manager="test",
    )
    again = await client.apply(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"namespace": namespace, "name": "a"},
            "spec": spec,
        },
        manager="test",
    )
    assert again["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    await client.scale(DEPLOYMENT, namespace, "a", 3)
    await client.patch(
        DEPLOYMENT, namespace, "a", {"metadata": {"labels": {"new": "yes"}}}
    )
    found = await client.get(DEPLOYMENT, namespace, "a")
    assert found["spec"]["replicas"] == 3
    assert found["metadata"]["labels"] == {"new": "yes"}
    version = made["metadata"]["resourceVersion"]
    with pytest.raises(errors.Conflict):
        await client.scale(DEPLOYMENT, namespace, "a", 0, version=version)
    with pytest.raises(errors.Conflict):
        await client.delete(DEPLOYMENT, namespace, "a", uid="another")
    assert await client.delete(DEPLOYMENT, namespace, "a", uid=made["metadata"]["uid"])
    assert not await client.delete(DEPLOYMENT, namespace, "a")
    assert await client.find(DEPLOYMENT, namespace, "a") is None


async def test_a_status_is_applied_beside_the_rest(
    client: Client, namespace: str
) -> None:
    service = {
        "apiVersion": INFERENCE_SERVICE.api_version,
        "kind": "InferenceService",
        "metadata": {"namespace": namespace, "name": "iris"},
        "spec": {"predictor": {"model": {"modelFormat": {"name": "onnx"}}}},
    }
    await client.apply(service, manager="user")
    status = {key: service[key] for key in ("apiVersion", "kind", "metadata")}
    status["status"] = {"url": "http://iris.example"}
    await client.apply(status, manager="us", subresource="status")
    found = await client.get(INFERENCE_SERVICE, namespace, "iris")
    assert found["status"] == {"url": "http://iris.example"}
    assert found["spec"] == service["spec"]


async def test_a_list_of_many_pages_is_whole(client: Client, namespace: str) -> None:
    await asyncio.gather(
        *(client.create(config(namespace, f"c{n}")) for n in range(30))
    )
    names, token = [], ""
    while True:
        page = await client.page(CONFIG_MAP, namespace, limit=7, token=token)
        names += [json.loads(bytes(raw))["metadata"]["name"] for raw in page.items]
        token = page.metadata.continue_
        if not token:
            break
    assert sorted(set(names) - {"kube-root-ca.crt"}) == sorted(
        f"c{n}" for n in range(30)
    )
    listed = await client.list(CONFIG_MAP, namespace, fields="metadata.name=c7")
    assert [(each["kind"], each["metadata"]["name"]) for each in listed] == [
        ("ConfigMap", "c7")
    ]


async def test_errors_have_their_class(client: Client, namespace: str) -> None:
    await client.create(config(namespace, "a"))
    with pytest.raises(errors.Conflict) as taken:
        await client.create(config(namespace, "a"))
    assert taken.value.exists
    with pytest.raises(errors.NotFound, match=f"cannot get configmaps {namespace}/b"):
        await client.get(CONFIG_MAP, namespace, "b")
    with pytest.raises(errors.NotFound, match="404 page not found"):
        await client.list(Kind("nobody.example", "v1", "things", "Thing"))
    with pytest.raises(errors.Invalid, match="RFC 1123"):
        await client.create(config(namespace, "Not A Name"))


async def test_an_apply_of_a_wrong_type_fails_once_and_for_good(
    client: Client, namespace: str
) -> None:
    calls: list[str] = []
    client.transport.counted = lambda _, code, __: calls.append(code)
    wrong = config(namespace, "a")
    wrong["data"] = {"x": [1]}
    with pytest.raises(errors.Invalid, match="expected string"):
        await client.apply(wrong, manager="test")
    assert calls == ["500"]


async def test_the_metadata_alone_can_be_listed(client: Client, namespace: str) -> None:
    await client.create(config(namespace, "a", secret="value"))
    page = await client.page(CONFIG_MAP, namespace, metadata_only=True)
    assert b"value" not in b"".join(map(bytes, page.items))


async def test_events_of_an_object_can_be_asked_for(
    client: Client, namespace: str
) -> None:
    about = {"kind": "Pod", "namespace": namespace, "name": "p", "uid": "u"}
    await client.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"namespace": namespace, "name": "e"},
            "involvedObject": about,
            "reason": "BackOff",
            "message": "again",
            "type": "Warning",
        }
    )
    (event,) = await client.events(namespace, name="p", kind="Pod")
    assert event["reason"] == "BackOff"
    assert await client.events(namespace, name="other") == []


async def test_a_log_that_is_not_there_is_an_error(
    client: Client, namespace: str
) -> None:
    with pytest.raises(errors.NotFound):
        async for _ in client.logs(namespace, "nobody"):
            pass
