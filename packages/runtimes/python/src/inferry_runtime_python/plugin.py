"""The descriptor of the python runtime; importing it imports nothing of the user's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.plugins import (
    ContainerTemplate,
    ImportRef,
    ModelFormat,
    Option,
    Runtime,
    SettingsSpec,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves a class of the user's own."""
    yield Runtime(
        name="python",
        formats=(ModelFormat(name="python", version="1", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate.serving("python"),
        model=ImportRef("inferry_runtime_python.model:PythonModel", extra="serve"),
        artifacts=("model.py",),
        options=(
            Option(
                name="module",
                default="model.py",
                help="The file in the model's folder that holds the class.",
            ),
            Option(
                name="class",
                default="",
                help="The class; empty takes the only one with predict.",
            ),
        ),
        batching="as the class says",
        safety="a class is code: its folder or URI must be trusted in the settings",
    )


@hookimpl
def inferry_settings() -> Iterable[SettingsSpec]:
    """Yield the setting that says whose code may run."""
    yield SettingsSpec(
        section="plugins.python",
        key="trust",
        type="list",
        default=(),
        help="Folders, or prefixes of storage URIs, whose Python code may run.",
    )
