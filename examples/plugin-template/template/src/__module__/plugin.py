"""What the plugin offers; every command imports this, so it imports no framework."""

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
    """Yield the runtime that serves linear models from .npz files."""
    yield Runtime(
        name="{{ name }}",
        formats=(ModelFormat(name="{{ name }}", version="1", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate.serving(
            "{{ name }}", image="{registry}/{{ distribution }}:{version}"
        ),
        model=ImportRef("{{ module }}.model:{{ class }}Model", extra="serve"),
        artifacts=("*.npz",),
        options=(
            Option(
                name="softmax",
                type="bool",
                default=False,
                help="Turn the outputs of each row into probabilities.",
            ),
        ),
    )
