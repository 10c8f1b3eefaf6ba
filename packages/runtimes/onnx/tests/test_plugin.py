"""The descriptor passes the kit and says what a cluster and a laptop need."""

from __future__ import annotations

from inferry.testing import PluginTests
from inferry_runtime_onnx import plugin


class TestPlugin(PluginTests):
    plugin = "onnx"


def test_serves_the_format_onnx_over_v1_and_v2() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.name == "onnx"
    assert [f.name for f in runtime.formats] == ["onnx"]
    assert runtime.protocols == ("v1", "v2", "grpc-v2")
    assert runtime.model is not None
    assert runtime.model.extra == "serve"


def test_container_is_called_as_kserve_calls_its_servers() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.container is not None
    assert runtime.container.args == (
        "--runtime=onnx",
        "--model_name={{.Name}}",
        "--model_dir=/mnt/models",
        "--http_port=8080",
    )
