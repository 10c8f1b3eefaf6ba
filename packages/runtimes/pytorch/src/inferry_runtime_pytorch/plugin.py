"""The descriptor of the pytorch runtime; importing it imports no framework."""

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
    """Yield the runtime that serves PyTorch models."""
    yield Runtime(
        name="pytorch",
        formats=(ModelFormat(name="pytorch", version="1", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate(
            image="{registry}/inferry-runtime-pytorch:{version}",
            args=(
                "--runtime=pytorch",
                "--model_name={{.Name}}",
                "--model_dir=/mnt/models",
                "--http_port=8080",
            ),
            requests=RESOURCES,
            limits=RESOURCES,
        ),
        model=ImportRef("inferry_runtime_pytorch.model:PytorchModel", extra="serve"),
        artifacts=("*.pt", "*.pt2", "*.mar"),
        aliases=("kserve-torchserve",),
    )
