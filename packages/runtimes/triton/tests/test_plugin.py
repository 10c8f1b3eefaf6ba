"""The descriptor passes the kit and says what a cluster and a laptop need."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_runtime_triton import plugin


class TestPlugin(PluginTests):
    plugin = "triton"


def test_serves_its_format_under_the_name_that_kserve_knows() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.name == "triton"
    assert {each.name for each in runtime.formats} == {"triton"}
    assert runtime.aliases == ("kserve-tritonserver",)


def test_a_cluster_runs_nvidias_image_as_kserve_does() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.container is not None
    assert runtime.container.image.startswith("nvcr.io/nvidia/tritonserver:")
    assert runtime.container.args == (
        "tritonserver",
        "--model-store=/mnt/models",
        "--grpc-port=9000",
        "--http-port=8080",
        "--allow-grpc=true",
        "--allow-http=true",
    )
    assert runtime.container.server_type == "tritonserver"
    assert runtime.container.metrics_port == 8002
