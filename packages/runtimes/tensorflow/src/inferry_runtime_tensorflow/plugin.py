"""The descriptor of the tensorflow runtime; importing it imports no framework."""

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

OPTIONS = (
    Option(
        name="signature",
        default="",
        help="The signature that answers where a request names none; empty: "
        "serving_default, or the only one.",
    ),
    Option(
        name="threads",
        type="int",
        default=0,
        help="Threads of one inference; 0: the CPU quota.",
    ),
    Option(
        name="device",
        default="cpu",
        help="Where a SavedModel runs: cpu, cuda, cuda:N, or cuda,cpu for the GPU if "
        "there is one.",
    ),
    Option(
        name="batching",
        default="auto",
        help="Whether rows are independent of each other: auto, true or false; true "
        "also lets a TFLite model of a fixed batch take any.",
    ),
    Option(
        name="allowUnsafeOps",
        type="bool",
        default=False,
        help="Serve a SavedModel with operations that reach files, network or code.",
    ),
    Option(
        name="versionMismatch",
        default="warn",
        help="A model saved by a newer or a much older TensorFlow: warn, or fail.",
    ),
)


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves TensorFlow SavedModels and TFLite models."""
    yield Runtime(
        name="tensorflow",
        formats=(
            ModelFormat(name="tensorflow", version="2", priority=1),
            ModelFormat(name="tensorflow", version="1", priority=1),
        ),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate.serving("tensorflow"),
        model=ImportRef(
            "inferry_runtime_tensorflow.model:TensorflowModel", extra="serve"
        ),
        artifacts=("saved_model.pb", "*.tflite"),
        options=OPTIONS,
        aliases=("kserve-tensorflow-serving",),
        batching="rows, where every input and output leaves axis 0 open",
        devices=("cpu", "cuda"),
        safety="graphs with operations that touch files or run code: "
        "`--allowUnsafeOps`",
    )
