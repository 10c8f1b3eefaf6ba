"""`TensorflowModel`: a SavedModel or a TFLite model, by signatures."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from inferry.errors import InvalidInput, ModelNotReady
from inferry.model import InferRequest, InferResponse, ModelMetadata, Tensor
from inferry.runtime import options as read
from inferry.runtime import tensors
from inferry.runtime.outputs import wanted
from inferry.runtime.warm_up import answered
from inferry_runtime_tensorflow import _files, _signatures, _v1
from inferry_server.cpu import threads as quota

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import ModuleType

    from inferry_runtime_tensorflow._signatures import Port, Program, Signature

__all__ = ["TensorflowModel"]


class TensorflowModel:
    """Serves one SavedModel or TFLite model; `predict` is safe in many threads.

    A request names another signature than the one that ``signature`` says with the
    parameter ``signature_name``, as clients of TensorFlow Serving do.
    """

    inline = True
    #: `predict` says what does not fit, so the server need not look too.
    checks_inputs = True

    def __init__(self) -> None:
        self._program: Program | None = None
        self._default: Signature | None = None
        self.batching = False
        self.max_concurrency = 1

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Open the model at *path*, a file or a folder that holds one.

        Options: ``signature``, ``threads`` (0: the CPU quota), ``device`` (``cpu``,
        ``cuda``, ``cuda:N``, ``cuda,cpu``), ``batching`` (``auto``, ``true``,
        ``false``), ``allowUnsafeOps``, ``versionMismatch`` (``warn``, ``fail``).

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        batching = read.switch(options, "batching")
        strict = read.choice(options, "versionMismatch", ("warn", "fail")) == "fail"
        threads = read.count(options, "threads", quota())
        file = _files.find(path)
        program = _opened(file, threads, options, strict=strict)
        try:
            self._default = _signatures.chosen(
                program.signatures, str(options.get("signature") or ""), file.name
            )
        except BaseException:
            program.close()
            raise
        self._program = program
        self.batching = self._default.has_rows if batching is None else batching
        # Calls release the interpreter lock, and one fills the gaps of another.
        self.max_concurrency = max(2, threads)

    def metadata(self) -> ModelMetadata:
        """Return the inputs and outputs of the signature that is served by default."""
        program, default = self._loaded()
        return ModelMetadata(
            inputs=tuple(port.spec for port in default.inputs.values()),
            outputs=tuple(port.spec for port in default.outputs.values()),
            platform=program.platform,
        )

    def warm_up(self) -> InferRequest | None:
        """Return the request to be ready with; None where there is none to make.

        Those that the model brings are all asked, and must be answered. Else it is
        zeros, with a size that works for axes that the model leaves open.
        """
        program, default = self._loaded()
        if program.recorded:
            for request in program.recorded[1:]:
                self.predict(request)
            return program.recorded[0]
        ports = default.inputs.values()
        needed = [port.spec for port in ports if port.default is None]
        return answered(needed, self.predict)

    def predict(self, request: InferRequest) -> InferResponse:
        """Run the signature, computing only the outputs that *request* names.

        Raises:
            InvalidInput: A tensor does not fit the signature, or there is none of
                that name.
            InferenceError: TensorFlow failed on inputs that fit.

        """
        program, signature = self._loaded()
        if request.parameters and "signature_name" in request.parameters:
            signature = self._named(request.parameters["signature_name"])
        return InferResponse(
            outputs=_answer(program, signature, request.inputs, request.outputs)
        )

    def predict_v1(self, body: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """Answer the body of V1 as TensorFlow Serving does.

        Raises:
            InvalidInput: Whatever is wrong with it.

        """
        program, signature = self._loaded()
        name = _v1.signature_name(body)
        if name is not None:
            signature = self._named(name)
        outputs = _answer(program, signature, _v1.read(body, signature), ())
        return _v1.written(outputs, rows="instances" in body)

    def unload(self) -> None:
        """Close the session or the interpreters."""
        program, self._program = self._program, None
        if program is not None:
            program.close()

    def _loaded(self) -> tuple[Program, Signature]:
        if self._program is None or self._default is None:
            raise ModelNotReady("the TensorFlow model is not loaded")
        return self._program, self._default

    def _named(self, name: object) -> Signature:
        program, default = self._loaded()
        return _signatures.named(program.signatures, name) if name else default


def _opened(
    file: Path, threads: int, options: Mapping[str, Any], *, strict: bool
) -> Program:
    """Open *file* with the library that its format needs, and import no other."""
    device = str(options.get("device") or "cpu")
    if file.name != "saved_model.pb":
        from inferry_runtime_tensorflow import _tflite

        return _tflite.TfliteModel(
            file,
            threads=threads,
            device=device,
            any_batch=read.switch(options, "batching") is True,
        )
    # TensorFlow tells every start what its own build could do better.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # TensorFlow and the compiler that torch would import both bring LLVM, and the one
    # that comes second ends the process. Torch runs exported programs without it.
    sys.modules.setdefault("triton", cast("ModuleType", None))
    from inferry_runtime_tensorflow import _saved_model, _session

    return _saved_model.SavedModel(
        file,
        config=_session.config(threads, device),
        allow_unsafe=bool(options.get("allowUnsafeOps")),
        strict=strict,
    )


def _answer(
    program: Program,
    signature: Signature,
    inputs: Sequence[Tensor],
    asked: tuple[str, ...],
) -> tuple[Tensor, ...]:
    names = wanted(asked, signature.outputs)
    feed = _signatures.feed(signature, inputs)
    try:
        values = program.run(signature, feed, names)
    except InvalidInput as error:
        said = f"{error.message} (the request has {tensors.described(inputs)})"
        raise InvalidInput(said) from error
    return _tensors(signature.outputs, names, values)


def _tensors(
    ports: Mapping[str, Port], names: Sequence[str], values: Sequence[Any]
) -> tuple[Tensor, ...]:
    return tuple(
        [
            Tensor(name=name, datatype=ports[name].spec.datatype, data=_array(value))
            for name, value in zip(names, values, strict=True)
        ]
    )


def _array(value: Any) -> tensors.Array:  # noqa: ANN401 - an array or a scalar
    if isinstance(value, bytes):
        return tensors.objects([value], ())
    array = np.asarray(value)
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)
