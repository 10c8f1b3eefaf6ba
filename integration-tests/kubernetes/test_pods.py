"""The pods of many services against a real API server, where it enforces Pod Security.

Unknown fields are refused, and so is every pod that is not "restricted".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from inferry_controller.names import component_name
from inferry_controller.options import RenderOptions
from inferry_controller.rendering.deployments import deployment
from inferry_controller.rendering.placement import fresh
from inferry_controller.rendering.pods import pod
from inferry_controller.rendering.surroundings import (
    AccountFacts,
    StorageContainer,
    Surroundings,
)
from pod_services import SERVICES

from inferry.api import InferenceService, loads
from inferry.config import load_settings
from inferry.planning import Catalog, plan
from inferry.plugins import load_plugins

if TYPE_CHECKING:
    from bed.api import Object
    from bed.cluster import Cluster

OPTIONS = RenderOptions(
    storage_image="registry/inferry-storage:1",
    storage_requests={"cpu": "100m", "memory": "100Mi"},
    storage_limits={"cpu": "1", "memory": "1Gi"},
    ca_bundle="authorities",
)
AROUND = Surroundings(
    accounts={"reader": AccountFacts(name="reader", secrets=("one", "two"))}
)
THEIRS = """---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterStorageContainer
metadata: {name: default}
spec:
  container: {name: storage-initializer, image: "kserve/storage-initializer:1"}
  supportedUriFormats: [{prefix: "s3://"}, {prefix: "gs://"}, {prefix: "hf://"}]
  supportsMultiModelDownload: true
"""
KSERVES = StorageContainer(
    name="default",
    container={"name": "storage-initializer", "image": "kserve/storage-initializer:1"},
    many=True,
)


@pytest.fixture(scope="session")
def restricted(cluster: Cluster) -> str:
    """Return a namespace that takes no pod but a restricted one."""
    policy = "pod-security.kubernetes.io"
    cluster.api.create(
        {
            "apiVersion": "node.k8s.io/v1",
            "kind": "RuntimeClass",
            "metadata": {"name": "nvidia"},
            "handler": "nvidia",
        }
    )
    return cluster.namespace("restricted", **{f"{policy}/enforce": "restricted"})


def deployments(
    text: str, options: RenderOptions = OPTIONS, around: Surroundings = AROUND
) -> list[Object]:
    """Return the Deployments of the service in *text*."""
    loaded = loads(text)
    loaded.raise_for_problems()
    documents = [each.document for each in loaded.documents]
    (service,) = (each for each in documents if isinstance(each, InferenceService))
    settings = load_settings(environ={})
    catalog = Catalog.build(load_plugins("cli", settings), documents, settings)
    made = plan(service, catalog, backend="kubernetes")
    (placement,) = fresh(made)
    found = []
    for each in placement.revision.components:
        name = component_name(made.name, each.component)
        template = pod(
            each, placement.revision, made, options, around, name=name, slot=""
        ).template
        found.append(
            deployment(each, placement, made, options, template, replicas=None)
        )
    return found


def as_pod(given: Object) -> Object:
    template: dict[str, Any] = given["spec"]["template"]
    metadata = {**template["metadata"], "name": given["metadata"]["name"]}
    spec = {**template["spec"], "serviceAccountName": "default"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize("name", SERVICES)
@pytest.mark.parametrize("fetched_by", ["ours", "kserve"])
def test_a_restricted_namespace_takes_the_pods(
    name: str, fetched_by: str, cluster: Cluster, restricted: str
) -> None:
    """Every pod is complete, has no field that the API lacks, and is restricted."""
    theirs = fetched_by == "kserve"
    around = Surroundings(
        accounts=AROUND.accounts, storage_containers=(KSERVES,) if theirs else ()
    )
    path = cluster.api.path("pods", "", restricted)
    text = SERVICES[name] + (THEIRS if theirs else "")
    for each in deployments(text, around=around):
        answer = cluster.api.request(
            "POST", path, as_pod(each), fieldValidation="Strict", dryRun="All"
        )
        assert answer["kind"] == "Pod"


@pytest.mark.parametrize("name", SERVICES)
def test_a_deployment_is_applied_twice_without_a_change(
    name: str, cluster: Cluster, restricted: str
) -> None:
    """A second apply of the same object changes nothing, so it can be left out."""
    for each in deployments(SERVICES[name]):
        each["metadata"] |= {"namespace": restricted}
        each["metadata"]["name"] += f"-{name}"
        first = cluster.api.apply(each, restricted)
        again = cluster.api.apply(each, restricted)
        assert (
            again["metadata"]["resourceVersion"]
            == (first["metadata"]["resourceVersion"])
        )


def test_a_pod_that_wants_to_be_root_is_left_to_the_cluster(
    cluster: Cluster, restricted: str
) -> None:
    """What a service says itself stays: this namespace refuses it, another takes it."""
    text = SERVICES["custom-container"].replace(
        "- image:", "- securityContext: {runAsUser: 0}\n        image:"
    )
    (made,) = deployments(text)
    with pytest.raises(Exception, match="restricted"):
        cluster.api.create(as_pod(made), restricted)
    anywhere = cluster.namespace("anywhere")
    cluster.api.create(as_pod(made), anywhere)
