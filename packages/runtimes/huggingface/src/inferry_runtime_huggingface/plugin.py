"""The descriptor of the huggingface runtime; importing it imports no framework."""

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
    """Yield the runtime that serves Hugging Face model folders."""
    yield Runtime(
        name="huggingface",
        formats=(ModelFormat(name="huggingface", version="1", priority=1),),
        protocols=("v1", "v2", "grpc-v2", "openai"),
        container=ContainerTemplate(
            image="{registry}/inferry-runtime-huggingface:{version}",
            args=(
                "--runtime=huggingface",
                "--model_name={{.Name}}",
                "--model_dir=/mnt/models",
                "--http_port=8080",
            ),
            requests=RESOURCES,
            limits=RESOURCES,
        ),
        model=ImportRef(
            "inferry_runtime_huggingface.model:HuggingfaceModel", extra="serve"
        ),
        artifacts=("*.safetensors", "*.safetensors.index.json"),
        aliases=("kserve-huggingfaceserver",),
    )
