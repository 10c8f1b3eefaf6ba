"""The descriptor of the pytorch runtime; importing it imports no framework."""

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
        help="Threads of one inference, for all models of the process; 0 takes the "
        "CPU quota.",
    ),
    Option(
        name="device",
        default="cpu",
        help="cpu, cuda, cuda:N, or cuda,cpu: the first that this machine has.",
    ),
    Option(
        name="batching",
        default="auto",
        help="Join requests along axis 0: true, false, or auto (as the file or a "
        "trial says).",
    ),
    Option(
        name="inputs",
        default="",
        help="Inputs of a model that does not declare them, as x:FP32:-1x3x224x224; "
        "comma-separated.",
    ),
    Option(
        name="outputs",
        default="",
        help="The outputs in order, as scores or scores:FP32:-1x10; comma-separated.",
    ),
    Option(
        name="modelClass",
        default="",
        help="The class that a state dict belongs to, as package.module:Class of an "
        "installed package.",
    ),
    Option(
        name="modelArguments",
        default="",
        help="What modelClass is called with, a JSON object.",
    ),
    Option(
        name="versionMismatch",
        default="warn",
        help="A program exported by another torch: warn, or fail.",
    ),
    Option(
        name="sequences",
        type="int",
        default=64,
        help="How many sequences of requests a model with a state keeps at once.",
    ),
    Option(
        name="allowPickle",
        type="bool",
        default=False,
        help="Load whole pickled models, which may run any code.",
    ),
    Option(
        name="allowNativeCode",
        type="bool",
        default=False,
        help="Load what AOTInductor compiled, which runs as the server does.",
    ),
    Option(
        name="handler",
        default="",
        help="The handler of a .mar archive: its own, or none to send tensors.",
    ),
    Option(
        name="allowModelFile",
        default="",
        help="The Python file in a .mar archive that may be run, by its name.",
    ),
)


@hookimpl
def inferry_runtimes() -> Iterable[Runtime]:
    """Yield the runtime that serves PyTorch models."""
    yield Runtime(
        name="pytorch",
        formats=(ModelFormat(name="pytorch", version="1", priority=1),),
        protocols=("v1", "v2", "grpc-v2"),
        container=ContainerTemplate.serving("pytorch"),
        model=ImportRef("inferry_runtime_pytorch.model:PytorchModel", extra="serve"),
        artifacts=("*.pt", "*.pth", "*.pt2", "*.mar"),
        options=OPTIONS,
        aliases=("kserve-torchserve",),
        batching="rows, where axis 0 is dynamic",
        devices=("cpu", "cuda"),
        safety="TorchScript, exported programs and weights run tensor operations "
        "alone; pickles: `--allowPickle`; native code: `--allowNativeCode`; the model "
        "file of an archive: `--allowModelFile`",
    )
