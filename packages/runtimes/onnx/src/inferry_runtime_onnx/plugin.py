"""The descriptor of the onnx runtime; importing it imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import (
    ContainerTemplate,
    ImportRef,
    ModelFormat,
    Option,
    Runtime,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves ONNX models with onnxruntime."""
    yield Runtime(
        name="onnx",
        formats=(ModelFormat(name="onnx", version="1", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate.serving("onnx"),
        model=ImportRef("inferry_runtime_onnx.model:OnnxModel", extra="serve"),
        artifacts=("*.onnx",),
        options=(
            Option(
                name="threads",
                type="int",
                default=0,
                help="Threads of one inference; 0 takes the CPU quota of the process.",
            ),
            Option(
                name="device",
                default="cpu",
                help="cpu, cuda, cuda:N, or cuda,cpu: the first that this machine has.",
            ),
            Option(
                name="batching",
                default="auto",
                help="Join requests along axis 0: true, false, or auto (as names say).",
            ),
        ),
        batching="rows, where every input and output leaves axis 0 open",
        devices=("cpu", "cuda"),
        safety="data; tensors in other files must lie beside the model",
    )
