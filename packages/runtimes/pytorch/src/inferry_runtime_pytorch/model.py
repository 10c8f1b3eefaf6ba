"""`PytorchModel`: one model of PyTorch, of whatever form it was saved in."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import torch

from inferry.errors import InferryError, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, InferResponse, ModelMetadata, TensorSpec
from inferry.runtime.options import count, switch
from inferry.runtime.outputs import wanted
from inferry_runtime_pytorch import (
    _device,
    _errors,
    _kinds,
    _loading,
    _probe,
    _signature,
    _tensors,
)
from inferry_runtime_pytorch._inputs import Inputs
from inferry_runtime_pytorch._sequences import Sequences

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from inferry.model import Tensor
    from inferry_runtime_pytorch._program import Program

__all__ = ["PytorchModel"]

_LOG = logging.getLogger(__name__)
_SEQUENCES = 64
# TorchScript compiles what it saw in the first calls.
_WARM_CALLS = 3


class PytorchModel:
    """Serves one TorchScript, exported or plain model; safe in many threads."""

    #: `predict` says what does not fit, so the server need not look too.
    checks_inputs = True

    def __init__(self) -> None:
        self._call: Callable[..., Any] | None = None
        self._inputs: Inputs | None = None
        self._sequences: Sequences | None = None
        self._outputs: tuple[TensorSpec, ...] = ()
        self._names: tuple[str, ...] = ()
        self._warm: InferRequest | None = None
        self._platform = ""
        self._found = _probe.Found()
        self._most = 0
        self.batching = False
        self.inline = False
        self.max_concurrency = 1
        self.memory = 0

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Load the model at *path*, a file or a folder that holds one.

        The descriptor says what the options mean.

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        batching = switch(options, "batching")
        sequences = count(options, "sequences", _SEQUENCES)
        threads = _device.set_threads(count(options, "threads", 0))
        device = _device.choose(str(options.get("device") or "cpu"))
        file, kind = _kinds.find(path)
        declared = _signature.declared(file, options)
        program = _loading.load(file, kind, device, options)
        self._inputs = Inputs(
            program, declared.inputs or program.inputs, name=file.name, device=device
        )
        self._names = declared.names
        self._platform = program.platform
        self.memory = program.memory
        self._most = program.most
        self.max_concurrency = max(2, threads)
        self.inline = device == "cpu" and program.copy is None
        self._call = program.call
        if program.copy is not None:
            self._sequences = Sequences(program.copy, sequences)
        self._learn(file.name, program, declared)
        self._decide_batching(program, said=batching)

    def metadata(self) -> ModelMetadata:
        """Return the inputs and outputs that the file, the service or a call tells."""
        inputs = self._inputs.specs.values() if self._inputs is not None else ()
        return ModelMetadata(
            inputs=tuple(inputs), outputs=self._outputs, platform=self._platform
        )

    def warm_up(self) -> InferRequest | None:
        """Return a request that the model answered while it was loaded, if any."""
        return self._warm

    def predict(self, request: InferRequest) -> InferResponse:
        """Run the model, and give the outputs that *request* names, or all.

        Raises:
            InvalidInput: A tensor does not fit the model, or the model refuses it.
            InferenceError: Torch failed on inputs that fit.

        """
        if self._call is None or self._inputs is None:
            raise ModelNotReady("the PyTorch model is not loaded")
        if request.outputs and self._outputs:
            wanted(request.outputs, [each.name for each in self._outputs])
        values, named = self._inputs.call(request.inputs)
        try:
            if self._sequences is not None:
                with self._sequences.of(request.parameters) as call:
                    answer = self._run(call, values, named, own=True)
            elif self._most:
                answer = self._in_parts(self._call, values, named)
            else:
                answer = self._stateless(self._call, self._inputs, values, named)
        except _errors.Refused as refused:
            raise refused.naming(request.inputs) from refused
        if request.outputs:
            answer = self._chosen(answer, request.outputs)
        return InferResponse(outputs=tuple(answer))

    def unload(self) -> None:
        """Forget the model and all sequences."""
        self._call = None
        self._warm = None
        if self._sequences is not None:
            self._sequences.clear()
            self._sequences = None

    def _stateless(
        self,
        call: Callable[..., Any],
        inputs: Inputs,
        values: list[Any],
        named: dict[str, Any],
    ) -> list[Tensor]:
        """Answer, with floats where integers are of no use to the model."""
        try:
            return self._run(call, values, named, own=False)
        except _errors.Refused as refused:
            floats = inputs.floats(values, named) if refused.of_dtype else None
            if floats is None:
                raise
            answer = self._run(call, *floats, own=False)
            inputs.as_floats = True
            return answer

    def _run(
        self,
        call: Callable[..., Any],
        values: list[Any],
        named: dict[str, Any],
        *,
        own: bool,
    ) -> list[Tensor]:
        try:
            with torch.inference_mode():
                made = call(*values, **named)
                return _tensors.taken(self._names, made, own=own)
        except InferryError:
            raise
        except Exception as error:
            declared = self._inputs is not None and bool(self._inputs.specs)
            raise _errors.of_call(error, declared=declared) from error

    def _in_parts(
        self, call: Callable[..., Any], values: list[Any], named: dict[str, Any]
    ) -> list[Tensor]:
        """Answer more rows than the program was exported for, part by part."""
        tensors, most = [*values, *named.values()], self._most
        rows = len(tensors[0])
        if rows <= most:
            return self._run(call, values, named, own=False)
        answers = [
            self._run(
                call,
                [each[start : start + most] for each in values],
                {name: each[start : start + most] for name, each in named.items()},
                own=False,
            )
            for start in range(0, rows, most)
        ]
        return [
            msgspec.structs.replace(
                first, data=np.concatenate([each[index].data for each in answers])
            )
            for index, first in enumerate(answers[0])
        ]

    def _chosen(self, answer: list[Tensor], names: tuple[str, ...]) -> list[Tensor]:
        found = {each.name: each for each in answer}
        return [found[name] for name in wanted(names, found)]

    def _learn(
        self, name: str, program: Program, declared: _signature.Declared
    ) -> None:
        """Find out what the model gives, by calls where nobody says it."""
        specs = self.metadata().inputs
        self._outputs = declared.outputs
        if program.outputs and not declared.outputs:
            self._outputs = self._renamed(name, program.outputs)
        if program.example:
            self._found = _probe.Found(request=_probe.shaped(specs, program.example))
        else:
            self._found = _probe.probe(self._ask, specs, program.texts)
        self._outputs = self._outputs or self._found.outputs
        self._warm = self._found.request
        if specs and self._warm is None:
            _LOG.warning("%s answers no example of its inputs; not warmed up", name)
        for _ in range(_WARM_CALLS if self._warm is not None else 0):
            self._try_warm(name)

    def _renamed(
        self, file: str, outputs: tuple[TensorSpec, ...]
    ) -> tuple[TensorSpec, ...]:
        if not self._names:
            return outputs
        if len(self._names) != len(outputs):
            raise ModelLoadError(
                f"{file} gives {len(outputs)} outputs "
                f"({', '.join(each.name for each in outputs)}), and "
                f"{len(self._names)} are declared",
                remedy="name each of them in the option outputs, or none",
            )
        return tuple(
            msgspec.structs.replace(each, name=name)
            for name, each in zip(self._names, outputs, strict=True)
        )

    def _ask(self, request: InferRequest) -> list[Tensor]:
        return list(self.predict(request).outputs)

    def _try_warm(self, name: str) -> None:
        if self._warm is None:
            return
        try:
            self.predict(self._warm)
        except InferryError as error:
            _LOG.warning("%s does not answer its example: %s", name, error)
            self._warm = None

    def _decide_batching(self, program: Program, *, said: bool | None) -> None:
        if self._sequences is not None:
            self.batching = False
        elif said is not None:
            self.batching = said
        else:
            known = program.batching
            self.batching = self._found.independent if known is None else known
