"""What a Paddle program takes, gives and does, read before Paddle sees it.

A predictor tells only names. Types and shapes stand in the program: in the JSON of
Paddle 3 (see `_pir`) and in the protobuf of Paddle 2 (see `_desc`).
"""

from __future__ import annotations

import msgspec

from inferry.errors import ModelLoadError
from inferry.model import TensorSpec  # noqa: TC001 - msgspec reads it
from inferry.status import Reason

_UNSAFE = frozenset(
    {
        "checkpoint_notify",
        "load",
        "load_combine",
        "listen_and_serv",
        "py_func",
        "py_layer",
        "pylayer",
        "read_file",
        "recv_v2",
        "run_program",
        "save",
        "save_combine",
        "send_and_recv",
        "send_v2",
        "sparse_tensor_load",
    }
)
_FAMILIES = ("c_", "distributed_", "fetch_barrier", "heter_", "pull_", "push_")


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """The inputs and outputs of a program, and the operations that it has."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    operations: frozenset[str] = frozenset()
    #: The version of Paddle that saved it, empty where it does not tell.
    version: str = ""

    @property
    def unsafe(self) -> tuple[str, ...]:
        """The operations that touch what is outside of the model."""
        return tuple(sorted(each for each in self.operations if _reaches_out(each)))


def refuse_unsafe(program: Program, file: str) -> None:
    """Refuse a program that reaches beyond itself.

    Raises:
        ModelLoadError: Naming the operations and the option that allows them.

    """
    if program.unsafe:
        raise ModelLoadError(
            f"{file} has operations that reach files, network or code outside of the "
            f"model: {', '.join(program.unsafe)}",
            reason=Reason.ModelUnsafe,
            remedy=(
                "save the model without them, or, if you trust it, add "
                '`args: ["--allowUnsafeOps=true"]` to the model'
            ),
        )


def corrupt(file: str, why: str) -> ModelLoadError:
    """Return the error for a file that is no program."""
    return ModelLoadError(
        f"{file} is no Paddle program, or is cut off: {why}",
        reason=Reason.ModelCorrupt,
        remedy="save it with paddle.jit.save, or upload it again",
    )


def _reaches_out(operation: str) -> bool:
    name = operation.rstrip("_")
    return name in _UNSAFE or name.startswith(_FAMILIES)
