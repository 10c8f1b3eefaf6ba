"""The descriptor of the triton runtime; importing it imports no framework."""

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
    """Yield the runtime that serves Triton model repositories."""
    yield Runtime(
        name="triton",
        formats=(ModelFormat(name="triton", version="2", priority=1),),
        protocols=("v2", "grpc-v2"),
        container=ContainerTemplate(
            image="{registry}/inferry-runtime-triton:{version}",
            args=(
                "--runtime=triton",
                "--model_name={{.Name}}",
                "--model_dir=/mnt/models",
                "--http_port=8080",
            ),
            requests=RESOURCES,
            limits=RESOURCES,
        ),
        model=ImportRef("inferry_runtime_triton.model:TritonModel", extra="serve"),
        artifacts=("config.pbtxt",),
        aliases=("kserve-tritonserver",),
    )
