"""`PaddleModel`: one inference model of PaddlePaddle."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.errors import InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorSpec,
)
from inferry.runtime import options as read
from inferry.runtime import tensors
from inferry.runtime.outputs import wanted
from inferry.runtime.warm_up import answered
from inferry.status import Reason
from inferry_runtime_paddle import (
    _desc,
    _files,
    _parameters,
    _pir,
    _predictor,
    _program,
    _trial,
)
from inferry_server.cpu import threads as quota

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from inferry_runtime_paddle._predictor import Predictor
    from inferry_runtime_paddle._program import Program

__all__ = ["PaddleModel"]

logger = logging.getLogger(__name__)

# Sizes that warm-up tries for an axis that the model leaves open.
_OPEN_SIZES = (32, 64, 320, 1)


class PaddleModel:
    """Serves one Paddle model; `predict` is safe in many threads at once."""

    inline = True
    #: `predict` says what does not fit, so the server need not look too.
    checks_inputs = True

    def __init__(self) -> None:
        self._predictor: Predictor | None = None
        self._inputs: dict[str, TensorSpec] = {}
        self._outputs: dict[str, TensorSpec] = {}
        self.batching = False
        self.max_concurrency = 1

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Open the model at *path*, a file or a folder that holds one.

        Options: ``threads`` (0: the CPU quota), ``device`` (``cpu``, ``cuda``,
        ``cuda:N``, ``cuda,cpu``), ``batching`` (``auto``, ``true``, ``false``),
        ``allowUnsafeOps``, ``tryFirst``, ``versionMismatch`` (``warn``, ``fail``).

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        batching = read.switch(options, "batching")
        strict = read.choice(options, "versionMismatch", ("warn", "fail")) == "fail"
        threads = read.count(options, "threads", quota())
        files = _files.find(path)
        kind = _desc if files.program.suffix == ".pdmodel" else _pir
        program = kind.read(files.program)
        if not options.get("allowUnsafeOps"):
            _program.refuse_unsafe(program, files.program.name)
        _compare_versions(program, files.program.name, strict=strict)
        _parameters.check(files.parameters)
        trial = (
            _trial.passed(path, files.program.name)
            if options.get("tryFirst", True)
            else contextlib.nullcontext()
        )
        with trial:
            inference = self.library()
        predictor = _predictor.Predictor(
            files,
            inference,
            threads=threads,
            device=str(options.get("device") or "cpu"),
        )
        self._inputs = _specs(program.inputs, predictor.inputs, files.program.name)
        self._outputs = _specs(program.outputs, predictor.outputs, files.program.name)
        self._predictor = predictor
        self.batching = self._has_rows() if batching is None else batching
        # Calls release the interpreter lock, and one fills the gaps of another.
        self.max_concurrency = max(2, threads)

    def metadata(self) -> ModelMetadata:
        """Return the inputs and outputs as the program declares them."""
        return ModelMetadata(
            inputs=tuple(self._inputs.values()),
            outputs=tuple(self._outputs.values()),
            platform="paddle_inference",
        )

    def warm_up(self) -> InferRequest | None:
        """Return a request of zeros that the model should answer; None if none does."""
        return answered(self._inputs.values(), self.predict, _OPEN_SIZES)

    def predict(self, request: InferRequest) -> InferResponse:
        """Run the model; all its outputs are computed, those asked for are given.

        Raises:
            InvalidInput: A tensor does not fit the model.
            InferenceError: Paddle failed on inputs that fit.

        """
        predictor = self._predictor
        if predictor is None:
            raise ModelNotReady("the Paddle model is not loaded")
        given = tensors.by_name(self._inputs, request.inputs)
        feed = {name: _array(each) for name, each in given.items()}
        names = wanted(request.outputs, self._outputs)
        values = predictor.run(feed, names)
        return InferResponse(
            outputs=tuple(map(tensors.tensor, names, values)),
        )

    @staticmethod
    def library() -> Any:  # noqa: ANN401 - a module without types
        """Return Paddle's inference library; imported once, which takes a second."""
        return _predictor.imported()

    def unload(self) -> None:
        """Free the predictor and its clones."""
        predictor, self._predictor = self._predictor, None
        if predictor is not None:
            predictor.close()

    def _has_rows(self) -> bool:
        specs = [*self._inputs.values(), *self._outputs.values()]
        return all(spec.shape[:1] == (-1,) for spec in specs)


def _specs(
    specs: tuple[TensorSpec, ...], names: tuple[str, ...], file: str
) -> dict[str, TensorSpec]:
    """Return *specs* by name in the order in which Paddle has them.

    Raises:
        ModelLoadError: Paddle has other names.

    """
    found = {spec.name: spec for spec in specs}
    if set(names) != set(found):
        raise ModelLoadError(
            f"{file} declares {', '.join(sorted(found))}, but Paddle finds "
            f"{', '.join(sorted(names))}",
            reason=Reason.ModelCorrupt,
            remedy="save the model again with paddle.jit.save",
        )
    return {name: found[name] for name in names}


def _array(given: Tensor) -> tensors.Array:
    data = given.data
    if not data.size:
        # Kernels of Paddle divide by sizes, which ends the process.
        raise InvalidInput(
            f"input {given.name!r} has shape {list(data.shape)}, expected at least "
            "one element"
        )
    return data if data.flags.c_contiguous else np.ascontiguousarray(data)


def _compare_versions(program: Program, file: str, *, strict: bool) -> None:
    """Report another Paddle; only a newer one may not fit."""
    installed = _predictor.version()
    if program.version in {"", installed}:
        return
    said = f"was saved by Paddle {program.version}, installed is {installed}"
    newer = _release(program.version) > _release(installed)
    if strict and newer:
        raise ModelLoadError(
            f"{file} {said}",
            reason=Reason.ModelVersionMismatch,
            remedy=f"install paddlepaddle=={program.version}, or save it again",
        )
    logger.log(logging.WARNING if newer else logging.INFO, "%s %s", file, said)


def _release(version: str) -> tuple[int, ...]:
    numbers = version.split(".")[:2]
    return tuple(int(each) for each in numbers if each.isascii() and each.isdigit())
