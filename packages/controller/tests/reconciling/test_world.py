"""What decides about services, and whom a change of it concerns."""

from __future__ import annotations

from typing import Any

import pytest
from inferry_controller.reconciling.stored import StoredService, stored
from inferry_controller.reconciling.world import World
from inferry_controller.rendering.surroundings import AccountFacts, SecretFacts
from inferry_controller.settings import SETTINGS

from inferry.api import from_object
from inferry.config import load_settings


def service(namespace: str) -> StoredService:
    model = {"modelFormat": {"name": "acme"}}
    return stored(
        {
            "metadata": {"name": "iris", "namespace": namespace, "uid": "u"},
            "spec": {"predictor": {"model": model}},
        }
    )


def runtime(namespace: str = "") -> Any:
    kind = "ServingRuntime" if namespace else "ClusterServingRuntime"
    container = {"name": "kserve-container", "image": "acme"}
    return from_object(
        {
            "apiVersion": "serving.kserve.io/v1alpha1",
            "kind": kind,
            "metadata": {
                "name": "acme",
                **({"namespace": namespace} if namespace else {}),
            },
            "spec": {
                "supportedModelFormats": [{"name": "acme"}],
                "containers": [container],
            },
        }
    )


@pytest.fixture
def changed() -> list[str]:
    """Return the namespaces that were told to have changed."""
    return []


@pytest.fixture
def world(changed: list[str]) -> World:
    settings = load_settings(environ={})
    settings.declare(SETTINGS)
    return World(settings, on_change=changed.append)


def test_what_one_tenant_changes_concerns_no_other(
    world: World, changed: list[str]
) -> None:
    """Otherwise a tenant that edits its own objects keeps the controller busy."""
    before = {each: world.digest(service(each)) for each in ("one", "two")}
    account = AccountFacts(name="default", secrets=("keys",), annotations={})
    world.put_account(("one", "default"), account)
    world.put_secret(("one", "keys"), SecretFacts(name="keys", keys=(), annotations={}))
    world.put_runtime(("one", "acme"), runtime("one"))

    assert changed == ["one", "one", "one"]
    assert world.digest(service("one")) != before["one"]
    assert world.digest(service("two")) == before["two"]
    assert "default" in world.around("one").accounts
    assert world.catalog("one") is not world.catalog("two")


def test_what_a_namespace_had_is_forgotten_with_it(
    world: World, changed: list[str]
) -> None:
    before = world.digest(service("one"))
    world.put_runtime(("one", "acme"), runtime("one"))
    world.put_runtime(("one", "acme"), None)

    assert changed == ["one", "one"]
    assert world.digest(service("one")) == before
    assert world.catalog("one") is world.catalog("two")


def test_what_all_share_concerns_all(world: World, changed: list[str]) -> None:
    world.put_runtime(("", "acme"), runtime())
    world.put_kinds(frozenset({"gateway.networking.k8s.io/HTTPRoute"}))
    assert changed == ["", ""]


def test_what_is_as_it_was_is_no_change(world: World, changed: list[str]) -> None:
    account = AccountFacts(name="default", secrets=(), annotations={"a": "b"})
    for _ in range(2):
        world.put_runtime(("", "acme"), runtime())
        world.put_account(("one", "default"), account)
    assert changed == ["", "one"]
