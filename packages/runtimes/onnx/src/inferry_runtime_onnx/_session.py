"""Open an onnxruntime session with the threads and devices that the options name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import onnxruntime

from inferry.errors import ModelLoadError
from inferry.runtime import devices
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    #: Names of outputs, feed, options -> values.
    Runner = Callable[[list[str], dict[str, Any], Any], list[Any]]
    #: Its name and its options.
    _Provider = tuple[str, dict[str, str]]

_CPU, _CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
_ERROR, _FATAL = 3, 4


def open_session(path: Path, *, threads: int, device: str) -> Any:  # noqa: ANN401 - onnxruntime has no types
    """Return the session of the model at *path*.

    Raises:
        ModelLoadError: The file, the graph or the device is not usable.

    """
    providers, required = _providers(device)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERROR
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning thread takes the CPU share that the rest of the process needs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(
            str(path), sess_options=options, providers=providers
        )
    except Exception as error:
        raise _load_error(path, error) from error
    if required and required not in session.get_providers():
        raise ModelLoadError(
            f"onnxruntime could not start {required} on this machine",
            remedy="install its driver, or use the option device=cuda,cpu",
        )
    return session


def run_options() -> Any:  # noqa: ANN401 - as above
    """Return the options of every run; to make them anew takes a tenth of a run."""
    options = onnxruntime.RunOptions()
    # What fails is raised as well; it need not be printed whenever a request is wrong.
    options.log_severity_level = _FATAL
    return options


def runner(session: Any) -> Runner:  # noqa: ANN401 - as above
    """Return what runs *session* on checked inputs.

    `InferenceSession.run` checks the inputs' names again and asks about CUDA graphs
    each time, a third of the time of a small model. What it falls back to another
    device for is not there where the CPU is the only one.
    """
    quick: Runner | None = getattr(getattr(session, "_sess", None), "run", None)
    if quick is None or session.get_providers() != [_CPU]:
        whole: Runner = session.run
        return whole
    return quick


def _providers(device: str) -> tuple[list[_Provider], str]:
    """Return the providers to ask for, and the one that must not be missing."""
    wanted = [_provider(name) for name in devices.named(device)]
    available = onnxruntime.get_available_providers()
    usable = [each for each in wanted if each[0] in available]
    if not usable:
        raise ModelLoadError(
            f"the installed onnxruntime has no "
            f"{' or '.join(name for name, _ in wanted)}, only {', '.join(available)}",
            remedy="install onnxruntime-gpu, or use the option device=cpu",
        )
    required = wanted[0][0] if len(wanted) == 1 else ""
    return usable, required


def _provider(name: str) -> _Provider:
    number = devices.number(name)
    return (_CPU, {}) if number is None else (_CUDA, {"device_id": str(number)})


def _load_error(path: Path, error: Exception) -> ModelLoadError:
    """Return what onnxruntime said, as one line with its reason."""
    kind, text = type(error).__name__, " ".join(str(error).split())
    text = text.partition(" : ")[2].partition(" : ")[2] or text
    text = text.replace(str(path), path.name)
    if "IR version" in text or "opset" in text.lower():
        return ModelLoadError(
            f"{path.name} needs a newer onnxruntime than "
            f"{onnxruntime.__version__}: {text}",
            reason=Reason.ModelVersionMismatch,
            remedy="upgrade onnxruntime, or export with an older opset",
        )
    if kind in {"InvalidProtobuf", "InvalidGraph"} or "does not have a graph" in text:
        return ModelLoadError(
            f"{path.name} is not a valid ONNX model: {text}",
            reason=Reason.ModelCorrupt,
            remedy="export or upload the model again",
        )
    if "bad_alloc" in text or isinstance(error, MemoryError):
        return ModelLoadError(
            f"{path.name} does not fit into memory", reason=Reason.OutOfMemory
        )
    if kind == "NotImplemented" or "is not a registered" in text:
        return ModelLoadError(
            f"{path.name} uses what onnxruntime {onnxruntime.__version__} cannot run: "
            f"{text}",
            remedy="export the model with standard operators",
        )
    return ModelLoadError(f"onnxruntime cannot load {path.name}: {text}")
