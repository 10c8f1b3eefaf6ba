"""Services for pods that run for real, and how a test comes by them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bed import services
from bed.api import until
from bed.site import ACCOUNT

if TYPE_CHECKING:
    from bed.api import Object
    from bed.site import Site

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FLOWER = {"instances": [[5.1, 3.5, 1.4, 0.2]]}
#: Small ones, so that many pods fit on the nodes of one machine.
RESOURCES = {
    "requests": {"cpu": "50m", "memory": "128Mi"},
    "limits": {"cpu": "1", "memory": "1Gi"},
}
_SECONDS = 180


def service(name: str, bucket: str, folder: str, **predictor: object) -> Object:
    """Return a service whose model is in a *folder* of *bucket*, as `bucket` has it."""
    model = {
        "modelFormat": {"name": folder.partition("-")[0]},
        "storageUri": f"s3://{bucket}/{folder}",
        "resources": RESOURCES,
    }
    spec = {"model": model, "serviceAccountName": ACCOUNT, "minReplicas": 1}
    return services.inference_service(name, spec | predictor)


def deploy(site: Site, home: str, document: Object, seconds: float = _SECONDS) -> str:
    """Apply a service and return its name when it is Ready and Envoy reaches it."""
    name: str = document["metadata"]["name"]
    site.cluster.api.apply(document, home)
    services.ready(site.cluster.api, name, home, seconds)
    with site.gateway.client(services.host(name, home)) as client:
        path = f"/v2/models/{name}/ready"
        until(lambda: client.get(path).is_success, f"{name} behind Envoy")
    return name


def pods(site: Site, home: str, name: str) -> list[Object]:
    """Return the pods of a service that are not on their way out."""
    selector = f"serving.kserve.io/inferenceservice={name}"
    found = site.cluster.api.list("pods", home, selector)
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
