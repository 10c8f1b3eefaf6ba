"""The descriptor of the paddle runtime; importing it imports no framework."""

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
    """Yield the runtime that serves Paddle inference models."""
    yield Runtime(
        name="paddle",
        formats=(ModelFormat(name="paddle", version="2", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate(
            image="{registry}/inferry-runtime-paddle:{version}",
            args=(
                "--runtime=paddle",
                "--model_name={{.Name}}",
                "--model_dir=/mnt/models",
                "--http_port=8080",
            ),
            requests=RESOURCES,
            limits=RESOURCES,
        ),
        model=ImportRef("inferry_runtime_paddle.model:PaddleModel", extra="serve"),
        artifacts=("*.pdiparams",),
        aliases=("kserve-paddleserver",),
    )
