"""The descriptor says what a cluster and a laptop need, and imports no framework."""

from __future__ import annotations

import subprocess
import sys

from inferry_runtime_onnx import plugin


def test_serves_the_format_onnx_over_v1_and_v2() -> None:
    (runtime,) = plugin.inferry_runtimes()

    assert runtime.name == "onnx"
    assert [f.name for f in runtime.formats] == ["onnx"]
    assert runtime.protocols == ("v1", "v2")
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


def test_descriptor_imports_no_framework() -> None:
    code = (
        "import sys, inferry_runtime_onnx.plugin as p; list(p.inferry_runtimes());"
        "sys.exit(bool({'numpy', 'onnxruntime', 'inferry_server'} & set(sys.modules)))"
    )

    assert (
        subprocess.run([sys.executable, "-I", "-c", code], check=False).returncode == 0
    )
