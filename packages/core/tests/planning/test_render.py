from __future__ import annotations

from typing import Any

import pytest
import yaml

from inferry.config import load_settings
from inferry.errors import PluginError
from inferry.planning import render_runtime, render_storage
from inferry.plugins import ContainerTemplate, ImportRef, StorageBackend

SETTINGS = load_settings(environ={})


def test_a_runtime_renders_to_a_cluster_serving_runtime_that_loads(
    kitchen: Any,
) -> None:
    document = render_runtime(kitchen.provided(kitchen.sklearn), SETTINGS)
    (loaded,) = kitchen.documents(yaml.safe_dump(document))
    assert loaded.kind == "ClusterServingRuntime"
    assert loaded.metadata.name == "sklearn"
    first = loaded.spec.supported_model_formats[0]
    assert (first.name, first.version, first.auto_select, first.priority) == (
        "sklearn",
        "1",
        True,
        2,
    )
    assert loaded.spec.protocol_versions == ["v1", "v2"]


def test_the_container_is_kserves_and_restricted(kitchen: Any) -> None:
    document = render_runtime(kitchen.provided(kitchen.sklearn), SETTINGS)
    (container,) = document["spec"]["containers"]
    assert container["name"] == "kserve-container"
    assert container["image"] == "ghcr.io/inferry/inferry-runtime-sklearn:1.2.3"
    assert container["args"] == ["--model_name={{.Name}}", "--model_dir=/mnt/models"]
    assert container["env"] == [{"name": "LEVEL", "value": "info"}]
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}
    security = container["securityContext"]
    assert security["capabilities"] == {"drop": ["ALL"]}
    assert security["runAsNonRoot"] is True
    assert security["allowPrivilegeEscalation"] is False
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_prometheus_finds_the_port(kitchen: Any) -> None:
    document = render_runtime(kitchen.provided(kitchen.sklearn), SETTINGS)
    assert document["spec"]["annotations"] == {
        "prometheus.kserve.io/port": "8080",
        "prometheus.kserve.io/path": "/metrics",
    }


def test_a_rendered_runtime_serves_by_the_same_plugin(kitchen: Any) -> None:
    document = render_runtime(kitchen.provided(kitchen.sklearn), SETTINGS)
    catalog = kitchen.catalog(documents=yaml.safe_dump(document))
    cluster, plugin = catalog.runtimes
    assert cluster.scope == "cluster"
    assert (cluster.model, cluster.options) == (plugin.model, plugin.options)
    assert cluster.pod == plugin.pod


def test_the_pod_overlay_is_laid_over(kitchen: Any) -> None:
    template = ContainerTemplate(
        image="i",
        args=("--a",),
        pod={
            "volumes": [{"name": "shm", "emptyDir": {"medium": "Memory"}}],
            "containers": [
                {
                    "name": "kserve-container",
                    "args": ["--b"],
                    "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
                }
            ],
        },
    )
    runtime = kitchen.runtime("x", container=template)
    spec = render_runtime(kitchen.provided(runtime), SETTINGS)["spec"]
    assert spec["volumes"][0]["name"] == "shm"
    assert spec["containers"][0]["args"] == ["--a", "--b"]
    assert spec["containers"][0]["volumeMounts"][0]["mountPath"] == "/dev/shm"


def test_openai_is_left_out_of_the_protocols_that_kserve_knows(kitchen: Any) -> None:
    runtime = kitchen.runtime(
        "x", protocols=("openai", "v2"), container=ContainerTemplate(image="i")
    )
    spec = render_runtime(kitchen.provided(runtime), SETTINGS)["spec"]
    assert spec["protocolVersions"] == ["v2"]


def test_a_runtime_without_a_container_cannot_be_rendered(kitchen: Any) -> None:
    with pytest.raises(PluginError, match="has no container template"):
        render_runtime(kitchen.provided(kitchen.runtime("x")), SETTINGS)


def test_a_storage_backend_renders_to_a_cluster_storage_container(
    kitchen: Any,
) -> None:
    backend = StorageBackend(
        name="s3",
        schemes=("s3",),
        uri_patterns=(r"https://.+\.example/",),
        client=ImportRef("a:B"),
        container=ContainerTemplate(image="{registry}/init:{version}"),
    )
    document = render_storage(kitchen.provided(backend), SETTINGS)
    assert document["kind"] == "ClusterStorageContainer"
    assert document["spec"]["supportedUriFormats"] == [
        {"prefix": "s3://"},
        {"regex": r"https://.+\.example/"},
    ]
    assert document["spec"]["supportsMultiModelDownload"] is True
    container = document["spec"]["container"]
    assert container["name"] == "storage-initializer"
    assert container["image"] == "ghcr.io/inferry/init:1.2.3"


def test_a_storage_backend_without_a_container_cannot_be_rendered(
    kitchen: Any,
) -> None:
    with pytest.raises(PluginError, match="has no container template"):
        render_storage(kitchen.provided(kitchen.files), SETTINGS)
