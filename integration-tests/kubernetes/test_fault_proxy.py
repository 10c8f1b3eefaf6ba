"""The proxy that faults are injected with."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from bed.api import ApiError, until
from bed.faults import Fault

if TYPE_CHECKING:
    from bed.api import Api, Object
    from bed.cluster import Cluster
    from bed.faults import FaultProxy


@pytest.fixture
def through(cluster: Cluster, namespace: str, fault_proxy: FaultProxy) -> Api:
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "me"}}
    cluster.api.apply(account, namespace)
    group = "rbac.authorization.k8s.io"
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "me"}}
    cluster.api.apply(role | {"rules": rules}, namespace)
    subject = {"kind": "ServiceAccount", "name": "me", "namespace": namespace}
    reference = {"apiGroup": group, "kind": "Role", "name": "me"}
    binding = role | {"kind": "RoleBinding", "roleRef": reference}
    cluster.api.apply(binding | {"subjects": [subject]}, namespace)
    kubeconfig = cluster.service_account("me", namespace, url=fault_proxy.url)
    api = cluster.api_of(kubeconfig)
    path = api.path("configmaps", "", namespace)
    until(lambda: api.answers(path), "its rights")
    return api


def config(name: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}


def test_calls_pass_as_the_user_that_made_them(
    through: Api, namespace: str, fault_proxy: FaultProxy
) -> None:
    through.create(config("one"), namespace)
    assert through.find("configmaps", "one", namespace) is not None
    with pytest.raises(ApiError) as refused:
        through.list("nodes")
    assert refused.value.status == 403
    (write,) = fault_proxy.writes()
    assert (write.method, write.status) == ("POST", 201)


def test_a_rule_answers_in_place_of_the_server(
    through: Api, namespace: str, fault_proxy: FaultProxy
) -> None:
    through.list("configmaps", namespace)
    fault_proxy.rule = lambda call: Fault(status=503) if call.is_write else None
    with pytest.raises(ApiError) as refused:
        through.create(config("two"), namespace)
    assert refused.value.status == 503
    assert through.find("configmaps", "two", namespace) is None


def test_a_call_that_is_cut_afterwards_was_done(
    through: Api, namespace: str, fault_proxy: FaultProxy
) -> None:
    through.list("configmaps", namespace)
    fault_proxy.rule = lambda call: Fault(after=True) if call.is_write else None
    with pytest.raises(httpx.HTTPError):
        through.create(config("three"), namespace)
    assert through.find("configmaps", "three", namespace) is not None


def test_watches_are_cut_in_the_middle(
    through: Api, namespace: str, fault_proxy: FaultProxy
) -> None:
    path = through.path("configmaps", "", namespace)
    ended = threading.Event()

    def watch() -> None:
        with through.http.stream("GET", f"{path}?watch=1", timeout=None) as answer:
            try:
                for _ in answer.iter_lines():
                    pass
            except httpx.HTTPError:
                ended.set()

    watching = threading.Thread(target=watch, daemon=True)
    watching.start()
    until(fault_proxy.close_watches, "the watch to be open", 10)
    assert ended.wait(10)
    watching.join(10)
