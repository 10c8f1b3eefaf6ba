"""`OnnxModel`: one ONNX file served by onnxruntime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import ModelNotReady
from inferry.model import InferRequest, InferResponse, ModelMetadata
from inferry.runtime.options import count, switch
from inferry.runtime.outputs import wanted
from inferry.runtime.tensors import zeros
from inferry.runtime.warm_up import answered
from inferry_runtime_onnx import _errors, _external, _files, _session, _tensors
from inferry_server.cpu import threads as quota

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from inferry_runtime_onnx._session import Runner

__all__ = ["OnnxModel"]


class OnnxModel:
    """Serves one ONNX model; `predict` is safe in many threads at once."""

    inline = True
    #: `predict` says what does not fit, so the server need not look too.
    checks_inputs = True

    def __init__(self) -> None:
        self._run: Runner | None = None
        self._run_options: Any = None
        self._inputs: dict[str, _tensors.Port] = {}
        self._outputs: dict[str, _tensors.Port] = {}
        self._names: list[str] = []
        self.batching = False
        self.max_concurrency = 1

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Open the model at *path*, a file or a folder that holds one.

        Options: ``threads`` (0: the CPU quota), ``device`` (``cpu``, ``cuda``,
        ``cuda:N``, ``cuda,cpu``), ``batching`` (``auto``, ``true``, ``false``).

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        batching = switch(options, "batching")
        threads = count(options, "threads", quota())
        file = _files.find(path)
        _external.check(file)
        session = _session.open_session(
            file, threads=threads, device=str(options.get("device") or "cpu")
        )
        inputs = [_tensors.port(node) for node in session.get_inputs()]
        outputs = [_tensors.port(node, output=True) for node in session.get_outputs()]
        self._inputs = {port.spec.name: port for port in inputs}
        self._outputs = {port.spec.name: port for port in outputs}
        self._names = list(self._outputs)
        self.batching = (
            _same_rows([*inputs, *outputs]) if batching is None else batching
        )
        # Calls release the interpreter lock, and one fills the gaps of another.
        self.max_concurrency = max(2, threads)
        self._run_options = _session.run_options()
        self._run = _session.runner(session)

    def metadata(self) -> ModelMetadata:
        """Return the inputs and outputs as the session declares them."""
        return ModelMetadata(
            inputs=tuple(port.spec for port in self._inputs.values()),
            outputs=tuple(port.spec for port in self._outputs.values()),
            platform="onnxruntime_onnx",
        )

    def warm_up(self) -> InferRequest | None:
        """Return a request of zeros that the model should answer.

        Axes that the model leaves open are 1, or the first other size that works; a
        model that takes none of them is not warmed up.
        """
        specs = [port.spec for port in self._inputs.values()]
        if any(-1 in spec.shape[1:] or spec.shape == (-1,) for spec in specs):
            return answered(specs, self.predict)
        return zeros(specs)

    def predict(self, request: InferRequest) -> InferResponse:
        """Run the model, computing only the outputs that *request* names.

        Raises:
            InvalidInput: A tensor does not fit the model.
            InferenceError: onnxruntime failed on inputs that fit.

        """
        run = self._run
        if run is None:
            raise ModelNotReady("the ONNX model is not loaded")
        feed = _tensors.feed(self._inputs, request.inputs)
        asked = request.outputs
        names = list(wanted(asked, self._outputs)) if asked else self._names
        try:
            values = run(names, feed, self._run_options)
        except Exception as error:
            raise _errors.of_run(error, request.inputs, self._inputs) from error
        return InferResponse(outputs=_tensors.tensors(self._outputs, names, values))

    def unload(self) -> None:
        """Close the session."""
        self._run = None


def _same_rows(ports: Iterable[_tensors.Port]) -> bool:
    """Say whether axis 0 of all *ports* is the same open axis, as far as names tell."""
    first = [port.axes[0] if port.axes else 0 for port in ports]
    names = {
        axis
        for axis in first
        if isinstance(axis, str) and axis != "?" and not axis.startswith("unk__")
    }
    return all(not isinstance(axis, int) for axis in first) and len(names) <= 1
