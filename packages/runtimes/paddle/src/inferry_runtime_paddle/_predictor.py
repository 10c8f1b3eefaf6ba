"""Open a Paddle predictor, and run one of its clones for each call at a time."""

from __future__ import annotations

import logging
import os
import warnings
from collections import deque
from threading import Lock
from typing import TYPE_CHECKING, Any

from inferry.errors import InferenceError, InvalidInput, ModelLoadError
from inferry.runtime import devices
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry.runtime.tensors import Array
    from inferry_runtime_paddle._files import Files

_GPU_MEMORY_MIB = 256
_LONGEST = 300


class Worker:
    """One clone of a predictor with its handles; for one call at a time."""

    def __init__(self, predictor: Any) -> None:  # noqa: ANN401 - Paddle has no types
        self._run = predictor.run
        self._inputs = [
            (name, predictor.get_input_handle(name))
            for name in predictor.get_input_names()
        ]
        names = predictor.get_output_names()
        self._outputs = {name: predictor.get_output_handle(name) for name in names}

    def run(self, feed: Mapping[str, Array], wanted: Sequence[str]) -> list[Array]:
        """Return the outputs *wanted*, in that order."""
        for name, handle in self._inputs:
            array = feed[name]
            handle.reshape(array.shape)
            handle.copy_from_cpu(array)
        self._run()
        return [self._outputs[name].copy_to_cpu() for name in wanted]


class Predictor:
    """A predictor and its clones; `run` is safe in many threads."""

    def __init__(
        self,
        files: Files,
        inference: Any,  # noqa: ANN401 - as above
        *,
        threads: int,
        device: str,
    ) -> None:
        self._root = _open(inference, _config(inference, files, threads, device), files)
        self._cloning = Lock()
        self._free: deque[Worker] = deque()
        self.inputs = tuple(self._root.get_input_names())
        self.outputs = tuple(self._root.get_output_names())

    def run(self, feed: Mapping[str, Array], wanted: Sequence[str]) -> list[Array]:
        """Return the outputs *wanted*, in that order.

        Raises:
            InvalidInput: Paddle says that the inputs do not fit.
            InferenceError: It failed otherwise.

        """
        try:
            worker = self._free.pop()
        except IndexError:
            with self._cloning:
                worker = Worker(self._root.clone())
        # One that failed may hold half an answer: only good ones come back.
        try:
            values = worker.run(feed, wanted)
        except Exception as error:
            raise _failed(error) from error
        self._free.append(worker)
        return values

    def close(self) -> None:
        """Free the clones and what they share."""
        self._free.clear()
        self._root = None


def version() -> str:
    """Return the version of Paddle that is installed."""
    from importlib.metadata import version as installed

    for name in ("paddlepaddle", "paddlepaddle-gpu"):
        try:
            return installed(name)
        except ModuleNotFoundError:
            continue
    return ""


def imported() -> Any:  # noqa: ANN401 - a module without types
    """Return ``paddle.inference``, whose import leaves logging as it was."""
    # It logs each pass over the graph, and warns of compilers that serving needs not.
    os.environ.setdefault("GLOG_minloglevel", "2")
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from paddle import inference
    root.handlers[:] = handlers
    root.setLevel(level)
    return inference


def _config(inference: Any, files: Files, threads: int, device: str) -> Any:  # noqa: ANN401 - as above
    config = inference.Config(str(files.program), str(files.parameters))
    config.disable_glog_info()
    config.set_cpu_math_library_num_threads(threads)
    number = devices.number(
        devices.choose(device, _gpus, library="Paddle", install="paddlepaddle-gpu")
    )
    if number is None:
        config.disable_gpu()
    else:
        config.enable_use_gpu(_GPU_MEMORY_MIB, number)
    return config


def _gpus() -> int:
    import paddle

    if not paddle.is_compiled_with_cuda():
        return 0
    return int(paddle.device.cuda.device_count())


def _open(inference: Any, config: Any, files: Files) -> Any:  # noqa: ANN401 - as above
    try:
        return inference.create_predictor(config)
    except Exception as error:
        names = f"{files.program.name} and {files.parameters.name}"
        raise ModelLoadError(
            f"{names} cannot be loaded: {said(error)}",
            reason=Reason.ModelCorrupt,
            remedy="save the model again with paddle.jit.save, or upload both files",
        ) from error


def _failed(error: Exception) -> InvalidInput | InferenceError:
    text = said(error)
    if "(InvalidArgument)" in str(error) or isinstance(error, ValueError):
        return InvalidInput(f"the model refuses these inputs: {text}")
    return InferenceError(f"Paddle could not compute the answer: {text}")


def said(error: BaseException) -> str:
    """Return what *error* says without where in Paddle's sources, on one line."""
    text = str(error)
    text = text.rpartition("Error Message Summary:")[2].lstrip("\n -") or text
    for end in ("[operator <", "(at ", "[Hint:"):
        text = text.partition(end)[0]
    text = text.rpartition("In user code:")[2]
    return " ".join(text.split())[:_LONGEST] or type(error).__name__
