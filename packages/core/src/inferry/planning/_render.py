"""Plugin descriptors as the documents that a cluster accepts.

The catalog reads runtimes back from what is rendered here, so a plugin chosen on a
laptop and the same plugin applied to a cluster as YAML are one and the same thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import PluginError
from inferry.planning._images import fill_image
from inferry.planning._merge import SERVING_CONTAINER, merge, merge_container

if TYPE_CHECKING:
    from inferry.config import Settings
    from inferry.plugins import (
        ContainerTemplate,
        ModelFormat,
        Provided,
        Runtime,
        StorageBackend,
    )

#: Names the runtime plugin whose model serves a runtime that was applied as YAML.
PLUGIN_ANNOTATION = "inferry.dev/runtime"
SERVER_TYPE_ANNOTATION = "serving.kserve.io/server-type"
PORT = 8080

# KServe's API has no name for it: the OpenAI routes come beside the others.
_NOT_IN_KSERVE = frozenset({"openai"})
_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "privileged": False,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}
_RESOURCES = {
    "requests": {"cpu": "1", "memory": "2Gi"},
    "limits": {"cpu": "1", "memory": "2Gi"},
}


def render_runtime(provided: Provided[Runtime], settings: Settings) -> dict[str, Any]:
    """Return the ClusterServingRuntime of a runtime plugin.

    Raises:
        PluginError: The runtime has no container, so no cluster can run it.

    """
    if provided.descriptor.container is None:
        msg = f"runtime {provided.descriptor.name!r} has no container template"
        raise PluginError(
            msg,
            plugin=provided.distribution,
            remedy="use the local backend, or give its descriptor a container",
        )
    return runtime_document(provided, settings)


def runtime_document(provided: Provided[Runtime], settings: Settings) -> dict[str, Any]:
    """Return the document of *provided*; its image may be missing."""
    runtime = provided.descriptor
    pod: dict[str, Any] = {"containers": [_container(provided, settings)]}
    annotations = {PLUGIN_ANNOTATION: runtime.name}
    metrics_port = PORT
    if runtime.container is not None:
        pod = _laid_over(pod, dict(runtime.container.pod))
        metrics_port = runtime.container.metrics_port
        if runtime.container.server_type:
            annotations[SERVER_TYPE_ANNOTATION] = runtime.container.server_type
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterServingRuntime",
        "metadata": {
            "name": runtime.name,
            "annotations": annotations,
        },
        "spec": {
            "annotations": {
                "prometheus.kserve.io/port": str(metrics_port),
                "prometheus.kserve.io/path": "/metrics",
            },
            "supportedModelFormats": [_format(each) for each in runtime.formats],
            "protocolVersions": [
                protocol
                for protocol in runtime.protocols
                if protocol not in _NOT_IN_KSERVE
            ],
            # Not multiModel: in KServe that keeps a runtime from single-model services.
            **pod,
        },
    }


def render_storage(
    provided: Provided[StorageBackend], settings: Settings
) -> dict[str, Any]:
    """Return the ClusterStorageContainer of a storage plugin.

    Raises:
        PluginError: The backend has no container, so no cluster can run it.

    """
    backend = provided.descriptor
    if backend.container is None:
        msg = f"storage backend {backend.name!r} has no container template"
        raise PluginError(
            msg,
            plugin=provided.distribution,
            remedy="give its descriptor a container to use it on a cluster",
        )
    container = _template(
        "storage-initializer", backend.container, provided.version, settings
    )
    prefixes = [{"prefix": f"{scheme}://"} for scheme in backend.schemes]
    patterns = [{"regex": pattern} for pattern in backend.uri_patterns]
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterStorageContainer",
        "metadata": {"name": backend.name},
        "spec": {
            "container": container,
            "supportedUriFormats": [*prefixes, *patterns],
            # Its arguments are pairs of a source and a destination, as many as wanted.
            "supportsMultiModelDownload": True,
            "workloadType": "initContainer",
        },
    }


def _container(provided: Provided[Runtime], settings: Settings) -> dict[str, Any]:
    template = provided.descriptor.container
    if template is None:
        return {"name": SERVING_CONTAINER}
    return _template(SERVING_CONTAINER, template, provided.version, settings)


def _template(
    name: str, template: ContainerTemplate, version: str, settings: Settings
) -> dict[str, Any]:
    registry = str(settings.value("images", "registry") or "")
    image = fill_image(template.image, registry=registry, version=version)
    container: dict[str, Any] = {"name": name, "image": image}
    if template.command:
        container["command"] = list(template.command)
    if template.args:
        container["args"] = list(template.args)
    if template.env:
        container["env"] = [{"name": k, "value": v} for k, v in template.env.items()]
    container["resources"] = {
        "requests": dict(template.requests or _RESOURCES["requests"]),
        "limits": dict(template.limits or _RESOURCES["limits"]),
    }
    container["securityContext"] = merge({}, _SECURITY)
    return container


def _laid_over(pod: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """Merge a template's ``pod``; args of its serving container are added."""
    merged = merge(pod, overlay)
    for item in overlay.get("containers") or ():
        if item.get("name") == SERVING_CONTAINER:
            base = pod["containers"][0]
            merged["containers"][0] = merge_container(base, item)
    return merged


def _format(model_format: ModelFormat) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": model_format.name}
    if model_format.version is not None:
        entry["version"] = model_format.version
    if model_format.auto_select:
        entry["autoSelect"] = True
    if model_format.priority is not None:
        entry["priority"] = model_format.priority
    return entry
