"""The descriptor of the tensorflow runtime; importing it imports no framework."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import (
    ContainerTemplate,
    ImportRef,
    ModelFormat,
    Runtime,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

RESOURCES = {"cpu": "1", "memory": "2Gi"}


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
        container=ContainerTemplate(
            image="{registry}/inferry-runtime-tensorflow:{version}",
            args=(
                "--runtime=tensorflow",
                "--model_name={{.Name}}",
                "--model_dir=/mnt/models",
                "--http_port=8080",
            ),
            requests=RESOURCES,
            limits=RESOURCES,
        ),
        model=ImportRef(
            "inferry_runtime_tensorflow.model:TensorflowModel", extra="serve"
        ),
        artifacts=("saved_model.pb", "*.tflite"),
        aliases=("kserve-tensorflow-serving",),
    )
