"""Run a TFLite file with LiteRT, without TensorFlow.

An interpreter answers one call at a time, so each call takes one that is free, or a new
one where there is none; the file is mapped into memory once.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from inferry.errors import InferenceError, InvalidInput, ModelLoadError
from inferry.model import TensorSpec
from inferry.runtime import tensors
from inferry.status import Reason
from inferry_runtime_tensorflow._errors import said
from inferry_runtime_tensorflow._signatures import DEFAULT, Port, Signature

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inferry.model import InferRequest
    from inferry.runtime.tensors import Array

_MISSING_OP = "Encountered unresolved custom op: "


class _Runner(Protocol):
    """Runs one signature of one interpreter."""

    def get_input_details(self) -> Mapping[str, Any]: ...

    def get_output_details(self) -> Mapping[str, Any]: ...

    def __call__(self, **inputs: Array) -> Mapping[str, Any]: ...


class TfliteModel:
    """A TFLite file and the interpreters that run it; `run` is safe in many threads."""

    platform = "tensorflow_tflite"
    recorded: tuple[InferRequest, ...] = ()

    def __init__(
        self, file: Path, *, threads: int, device: str, any_batch: bool
    ) -> None:
        if device.strip().lower() not in {"cpu", "cuda,cpu"}:
            raise ModelLoadError(
                f"TFLite models run on the CPU, not on {device!r}",
                remedy="use device=cpu, or serve a SavedModel",
            )
        self._file = file
        self._threads = threads
        self._free: deque[Mapping[str, _Runner]] = deque()
        runners = self._make()
        try:
            self.signatures: Mapping[str, Signature] = {
                name: _signature(name, runner, any_batch=any_batch)
                for name, runner in runners.items()
            }
        except ValueError as error:  # its names are not UTF-8, or its shapes no shapes
            raise _load_error(file.name, error) from error
        self._free.append(runners)

    def run(
        self, signature: Signature, feed: dict[str, Array], wanted: Sequence[str]
    ) -> list[Any]:
        """Return the values of the outputs *wanted*, in that order.

        Raises:
            InvalidInput: The model refuses inputs of these shapes.
            InferenceError: It failed otherwise.

        """
        try:
            runners = self._free.pop()
        except IndexError:
            runners = self._make()
        # An interpreter that failed may hold half an answer: only good ones come back.
        try:
            values = runners[signature.name](**feed)
        except (ValueError, RuntimeError) as error:
            raise _failed(error) from None
        self._free.append(runners)
        return [values[name] for name in wanted]

    def close(self) -> None:
        """Free the interpreters."""
        self._free.clear()

    def _make(self) -> Mapping[str, _Runner]:
        """Return the runners of a new interpreter by signature."""
        try:
            made = Interpreter(model_path=str(self._file), num_threads=self._threads)
            signatures = made.get_signature_list()
            if signatures:
                return {name: made.get_signature_runner(name) for name in signatures}
            return {DEFAULT: _Unsigned(made)}
        except Exception as error:
            raise _load_error(self._file.name, error) from error


class _Unsigned:
    """Runs the one graph of a file without signatures, by the names of its tensors."""

    def __init__(self, interpreter: Any) -> None:  # noqa: ANN401 - LiteRT has no types
        self._interpreter = interpreter
        self._inputs = {each["name"]: each for each in interpreter.get_input_details()}
        self._outputs = {
            each["name"]: each for each in interpreter.get_output_details()
        }
        self._shapes: list[tuple[int, ...]] = []

    def get_input_details(self) -> Mapping[str, Any]:
        return self._inputs

    def get_output_details(self) -> Mapping[str, Any]:
        return self._outputs

    def __call__(self, **inputs: Array) -> Mapping[str, Any]:
        shapes = [value.shape for value in inputs.values()]
        if shapes != self._shapes:
            for name, value in inputs.items():
                index = self._inputs[name]["index"]
                self._interpreter.resize_tensor_input(index, value.shape)
            self._interpreter.allocate_tensors()
            self._shapes = shapes
        for name, value in inputs.items():
            self._interpreter.set_tensor(self._inputs[name]["index"], value)
        self._interpreter.invoke()
        return {
            name: self._interpreter.get_tensor(each["index"])
            for name, each in self._outputs.items()
        }


def _signature(name: str, runner: _Runner, *, any_batch: bool) -> Signature:
    inputs = _ports(runner.get_input_details(), any_batch=any_batch)
    outputs = _ports(runner.get_output_details(), any_batch=any_batch)
    missing = [key for key, port in {**inputs, **outputs}.items() if port is None]
    return Signature(
        name=name,
        inputs={key: port for key, port in inputs.items() if port is not None},
        outputs={key: port for key, port in outputs.items() if port is not None},
        lacks=f"its tensor {missing[0]!r} has a type that V2 has not"
        if missing
        else "",
    )


def _ports(details: Mapping[str, Any], *, any_batch: bool) -> dict[str, Port | None]:
    return {
        name: _port(name, each, any_batch=any_batch) for name, each in details.items()
    }


def _port(name: str, detail: Any, *, any_batch: bool) -> Port | None:  # noqa: ANN401 - as above
    datatype = tensors.datatype(np.dtype(detail["dtype"]))
    if datatype is None:
        return None
    shape = tuple(int(size) for size in detail["shape_signature"])
    if any_batch and shape:
        shape = (-1, *shape[1:])
    return Port(spec=TensorSpec(name=name, datatype=datatype, shape=shape))


def _failed(error: Exception) -> InvalidInput | InferenceError:
    """Return what a run says: that shapes do not fit is the caller's mistake."""
    text = said(error)
    if isinstance(error, ValueError) or "failed to prepare" in text:
        return InvalidInput(f"the model refuses these inputs: {text}")
    return InferenceError(f"LiteRT could not compute the answer: {text}")


def _load_error(file: str, error: Exception) -> ModelLoadError:
    text = said(error)
    missing = text.partition(_MISSING_OP)[2].partition(".")[0]
    if missing:
        return ModelLoadError(
            f"{file} needs the operation {missing}, which LiteRT has not",
            reason=Reason.ModelLoadFailed,
            remedy="convert the model with the operations of TFLite alone",
        )
    return ModelLoadError(
        f"{file} is not a valid TFLite model: {text}",
        reason=Reason.ModelCorrupt,
        remedy="convert or upload the model again",
    )
