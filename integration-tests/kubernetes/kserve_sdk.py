"""KServe's own Python SDK on a cluster: what scripts of its users do.

Run by the interpreter that has the SDK, with a kubeconfig, a namespace and a name;
prints what happened as JSON. The SDK is loaded without the model server that its
package imports first, so that neither NumPy nor FastAPI need be there.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any


def sdk() -> tuple[Any, Any, Any]:
    """Return KServe's client, its models and its reader of what an API server says."""
    folder = Path(importlib.util.find_spec("kserve").submodule_search_locations[0])
    package = types.ModuleType("kserve")
    package.__path__ = [str(folder)]
    package.__spec__ = importlib.machinery.ModuleSpec("kserve", None, is_package=True)
    sys.modules["kserve"] = package
    _without_server(folder)
    from kserve import models
    from kserve.api.kserve_client import KServeClient
    from kserve.api_client import ApiClient

    return KServeClient, models, ApiClient


def _without_server(folder: Path) -> None:
    """Stand in for ``kserve.utils.utils``, which is about tensors but for these."""
    holder = types.ModuleType("kserve.utils")
    holder.__path__ = [str(folder / "utils")]
    holder.utils = types.ModuleType("kserve.utils.utils")
    holder.utils.is_running_in_k8s = lambda: False
    holder.utils.get_default_target_namespace = lambda: "default"
    holder.utils.get_isvc_namespace = lambda service: service.metadata.namespace
    sys.modules |= {"kserve.utils": holder, "kserve.utils.utils": holder.utils}


def main(kubeconfig: str, namespace: str, name: str) -> dict[str, Any]:
    """Create, wait for, read, change, replace and delete a service."""
    client_class, models, api_client = sdk()
    from kubernetes import client

    ours = client_class(config_file=kubeconfig, persist_config=False)

    def service(path: str, **more: Any) -> Any:
        model = models.V1beta1ModelSpec(
            model_format=models.V1beta1ModelFormat(name="sklearn"),
            storage_uri=f"s3://models/{path}",
        )
        predictor = models.V1beta1PredictorSpec(model=model, min_replicas=1, **more)
        return models.V1beta1InferenceService(
            api_version="serving.kserve.io/v1beta1",
            kind="InferenceService",
            metadata=client.V1ObjectMeta(name=name, namespace=namespace),
            spec=models.V1beta1InferenceServiceSpec(predictor=predictor),
        )

    def ready(generation: int) -> Any:
        ours.wait_isvc_ready(
            name,
            namespace=namespace,
            timeout_seconds=40,
            polling_interval=0.5,
            expected_generation=generation,
        )
        return ours.get(name, namespace=namespace)

    def replaced(path: str) -> Any:
        """Try again where a status is written between the SDK's read and its write."""
        for _ in range(20):
            try:
                return ours.replace(name, service(path))
            except RuntimeError as error:
                if "(409)" not in str(error):
                    raise
        raise TimeoutError(name)

    told = {}
    told["created"] = ours.create(service("iris"))
    told["ready"] = ready(told["created"]["metadata"]["generation"])
    # The watch prints a table of shares, from what each entry of traffic says.
    ours.get(name, namespace=namespace, watch=True, timeout_seconds=20)
    told["patched"] = ours.patch(name, service("other", timeout=30))
    told["again"] = ready(told["patched"]["metadata"]["generation"])
    told["replaced"] = replaced("third")
    told["replaced_ready"] = ready(told["replaced"]["metadata"]["generation"])
    told["read"] = _read(api_client, told["replaced_ready"]["status"])
    told["listed"] = [
        each["metadata"]["name"] for each in ours.get(namespace=namespace)["items"]
    ]
    ours.delete(name, namespace=namespace)
    return told


def _read(api_client: Any, status: dict[str, Any]) -> Any:
    """Read a status into the SDK's models and out again."""

    class Response:
        data = json.dumps(status)

    from kserve import models

    # The SDK's own models name these and have none of them, whoever wrote the status.
    for missing in (
        "KnativeAddressable",
        "KnativeCondition",
        "KnativeDevServingPkgApisServingV1TrafficTarget",
        "KnativeURL",
        "V1Time",
    ):
        setattr(models, missing, object)
    with api_client() as reader:
        model = reader.deserialize(Response, "V1beta1InferenceServiceStatus")
        return reader.sanitize_for_serialization(model)


if __name__ == "__main__":
    print("RESULT " + json.dumps(main(*sys.argv[1:]), default=str))  # noqa: T201 - its result
