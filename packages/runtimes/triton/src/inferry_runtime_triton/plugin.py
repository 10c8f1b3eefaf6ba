"""The descriptor of the triton runtime; importing it imports no framework."""

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

SECTION = "plugins.triton"
RESOURCES = {"cpu": "1", "memory": "2Gi"}


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves Triton model repositories.

    A cluster runs NVIDIA's image as it is, with the arguments of KServe's runtime; it
    is of the same version as the server that a laptop runs.
    """
    yield Runtime(
        name="triton",
        formats=(ModelFormat(name="triton", version="2", priority=1),),
        protocols=("v2", "grpc-v2"),
        container=ContainerTemplate(
            image="nvcr.io/nvidia/tritonserver:24.10-py3",
            server_type="tritonserver",
            metrics_port=8002,
            args=(
                "tritonserver",
                "--model-store=/mnt/models",
                "--grpc-port=9000",
                "--http-port=8080",
                "--allow-grpc=true",
                "--allow-http=true",
            ),
            requests=RESOURCES,
            limits=RESOURCES,
        ),
        model=ImportRef("inferry_runtime_triton.model:TritonModel", extra="serve"),
        artifacts=("config.pbtxt",),
        options=(
            Option(
                name="models",
                default="",
                help="Which models of the repository to load, by comma; empty: all.",
            ),
            Option(
                name="url",
                default="",
                help="host:port of a Triton that runs already, for HTTP; none is "
                "started then.",
            ),
            Option(
                name="grpcUrl",
                default="",
                help="host:port of that Triton for gRPC; empty: the port after url's.",
            ),
            Option(
                name="threads",
                type="int",
                default=0,
                help="Threads of each numeric library; 0 takes the CPU quota.",
            ),
            Option(
                name="logVerbose",
                type="int",
                default=0,
                help="tritonserver's --log-verbose.",
            ),
        ),
        aliases=("kserve-tritonserver",),
        batching="by Triton itself (dynamic_batching)",
        devices=("cpu", "cuda"),
        safety="a model.py is code: its folder or URI must be trusted in the settings",
    )


@hookimpl
def inferry_settings() -> Iterable[SettingsSpec]:
    """Yield what a machine says of its Triton, and whose code may run in it."""
    yield SettingsSpec(
        section=SECTION,
        key="trust",
        type="list",
        default=(),
        help="Folders, or prefixes of storage URIs, whose model.py may run in Triton.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="server",
        default="",
        help="A tritonserver to start; empty: that of nvidia-pytriton, installed once.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="python",
        default="",
        help="A virtual environment for the Python backend; empty: one is made.",
    )
    yield SettingsSpec(
        section=SECTION,
        key="requirements",
        type="list",
        default=(),
        help="Packages that the Python backend's environment is made with.",
    )
