"""The descriptor of the paddle runtime; importing it imports no framework."""

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
        name="threads",
        type="int",
        default=0,
        help="Threads of one inference; 0: the CPU quota.",
    ),
    Option(
        name="device",
        default="cpu",
        help="Where the model runs: cpu, cuda, cuda:N, or cuda,cpu for the GPU if "
        "there is one.",
    ),
    Option(
        name="batching",
        default="auto",
        help="Whether rows are independent of each other: auto, true or false.",
    ),
    Option(
        name="allowUnsafeOps",
        type="bool",
        default=False,
        help="Serve a program with operations that reach files, network or code.",
    ),
    Option(
        name="tryFirst",
        type="bool",
        default=True,
        help="Load the model in a process of its own first, so that a file on which "
        "Paddle crashes is refused.",
    ),
    Option(
        name="versionMismatch",
        default="warn",
        help="A model saved by a newer Paddle: warn, or fail.",
    ),
)


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves Paddle inference models."""
    yield Runtime(
        name="paddle",
        formats=(ModelFormat(name="paddle", version="2", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate.serving("paddle"),
        model=ImportRef("inferry_runtime_paddle.model:PaddleModel", extra="serve"),
        artifacts=("*.pdiparams",),
        options=OPTIONS,
        aliases=("kserve-paddleserver",),
        batching="rows, where every input and output leaves axis 0 open",
        devices=("cpu", "cuda"),
        safety="programs with operators that touch files or run code: "
        "`--allowUnsafeOps`",
    )
