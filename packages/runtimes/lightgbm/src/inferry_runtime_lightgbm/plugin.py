"""The descriptor of the lightgbm runtime; importing it imports no framework."""

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
    """Yield the runtime that serves LightGBM models."""
    yield Runtime(
        name="lightgbm",
        formats=(ModelFormat(name="lightgbm", version="3", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate(
            image="{registry}/inferry-runtime-lightgbm:{version}",
            args=(
                "--runtime=lightgbm",
                "--model_name={{.Name}}",
                "--model_dir=/mnt/models",
                "--http_port=8080",
            ),
            requests=RESOURCES,
            limits=RESOURCES,
        ),
        model=ImportRef("inferry_runtime_lightgbm.model:LightgbmModel", extra="serve"),
        artifacts=("model.txt", "model.bst"),
        aliases=("kserve-lgbserver",),
    )
