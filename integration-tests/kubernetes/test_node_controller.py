"""The controller as it is installed: a restricted pod with the token of its account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bed.api import is_true, until
from bed.node import REGISTRY
from inferry_controller.install import InstallOptions, manifests

if TYPE_CHECKING:
    from bed.api import Object
    from bed.site import Site

pytestmark = pytest.mark.full

NAME = "inferry-controller"
SECONDS = 120


def test_the_controller_works_in_its_own_pod(site: Site) -> None:
    api = site.cluster.api
    where = site.namespace()
    chosen = InstallOptions(
        namespace=where,
        create_namespace=False,
        scope="namespaced",
        watch=(where,),
        user_roles=False,
        registry=REGISTRY,
        replicas=1,
    )
    for document in manifests(chosen):
        if document["kind"] != "CustomResourceDefinition":
            api.apply(document, manager="install")

    def available() -> bool:
        return is_true(api.get("deployments", NAME, where), "Available")

    until(available, "the controller to be available", SECONDS)
    (pod,) = api.list("pods", where)
    name = pod["metadata"]["name"]
    leases = {lease["spec"]["holderIdentity"] for lease in api.list("leases", where)}
    assert any(holder.startswith(name) for holder in leases)
    undo: Object = {"spec": {"replicas": 0}}
    api.patch("deployments", NAME, where, undo)
