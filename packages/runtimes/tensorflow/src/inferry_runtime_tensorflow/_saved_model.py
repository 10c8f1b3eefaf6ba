"""Open a SavedModel as TensorFlow Serving does: one session, no Python objects.

A session runs a signature in an eighth of the time that ``tf.saved_model.load`` takes
for it, computes only the outputs that are asked for, and runs nothing of the model but
what restores its variables, initialises its tables and answers.
"""

from __future__ import annotations

import contextlib
import logging
from threading import Lock
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import config_pb2, saved_model_pb2

from inferry.errors import ModelLoadError
from inferry.model import TensorSpec
from inferry.runtime import tensors
from inferry.status import Reason
from inferry_runtime_tensorflow import _unsafe, _warm_up
from inferry_runtime_tensorflow._errors import load_error, run_error
from inferry_runtime_tensorflow._signatures import Port, Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from inferry.runtime.tensors import Array

    #: Feeds in the order of the signature's inputs -> the values fetched.
    Call = Callable[..., list[Any]]

logger = logging.getLogger(__name__)

_SERVE = "serve"
_MOST_CALLS = 64


class SavedModel:
    """A SavedModel in a session of its own; `run` is safe in many threads."""

    platform = "tensorflow_savedmodel"

    def __init__(
        self,
        file: Path,
        *,
        config: Any,  # noqa: ANN401 - a protobuf of TensorFlow
        allow_unsafe: bool,
        strict: bool,
    ) -> None:
        tags, graph = _serving_graph(file)
        if not allow_unsafe:
            _unsafe.check(graph, file.name)
        _compare_versions(graph.meta_info_def.tensorflow_version, file, strict=strict)
        #: The requests that the model brings to be warmed up with.
        self.recorded = _warm_up.requests(file.parent)
        self._session = _open(file.parent, tags, config)
        self.signatures: Mapping[str, Signature] = {
            name: _signature(name, graph.signature_def[name])
            for name in sorted(graph.signature_def)
            if not name.startswith("__")
        }
        self._calls: dict[tuple[str, ...], Call] = {}
        self._making = Lock()

    def run(
        self, signature: Signature, feed: dict[str, Array], wanted: Sequence[str]
    ) -> list[Any]:
        """Return the values of the outputs *wanted*, in that order.

        Raises:
            InvalidInput: The graph says that the inputs do not fit.
            InferenceError: It failed otherwise.

        """
        call = self._calls.get((signature.name, *wanted))
        if call is None:
            call = self._make(signature, wanted)
        try:
            return call(*feed.values())
        except Exception as error:
            raise run_error(error) from error

    def close(self) -> None:
        """Free the session and what it holds."""
        self._calls.clear()
        self._session.close()

    def _make(self, signature: Signature, wanted: Sequence[str]) -> Call:
        """Return what runs *signature*, made once for each choice of outputs."""
        options = config_pb2.CallableOptions()
        options.feed.extend(port.key for port in signature.inputs.values())
        options.fetch.extend(signature.outputs[name].key for name in wanted)
        # What is public, make_callable, goes a way of Python's for each feed.
        made: Call = self._session._make_callable_from_options(options)  # noqa: SLF001
        with self._making:
            if len(self._calls) < _MOST_CALLS:
                self._calls[signature.name, *wanted] = made
        return made


def _serving_graph(file: Path) -> tuple[list[str], Any]:
    """Return the tags and the MetaGraphDef of *file* that is for serving."""
    document = saved_model_pb2.SavedModel()
    try:
        document.ParseFromString(file.read_bytes())
    except (DecodeError, RuntimeError, UnicodeDecodeError):
        document.Clear()
    graphs = list(document.meta_graphs)
    if not graphs:
        raise ModelLoadError(
            f"{file.name} is not a SavedModel, or is cut off",
            reason=Reason.ModelCorrupt,
            remedy="save or upload the model again",
        )
    for graph in graphs:
        if _SERVE in graph.meta_info_def.tags:
            return list(graph.meta_info_def.tags), graph
    tags = "; ".join(", ".join(graph.meta_info_def.tags) or "none" for graph in graphs)
    raise ModelLoadError(
        f"{file.name} has no graph for serving: looked for the tag {_SERVE}, found "
        f"{tags}",
        remedy="save it with tf.saved_model.save or model.export",
    )


def _open(folder: Path, tags: list[str], config: Any) -> Any:  # noqa: ANN401 - as above
    with _quiet():
        session = tf.compat.v1.Session(graph=tf.Graph(), config=config)
        try:
            with session.graph.as_default():
                tf.compat.v1.saved_model.load(session, tags, str(folder))
        except Exception as error:
            session.close()
            raise load_error("saved_model.pb", error) from error
    return session


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep TensorFlow from telling whoever serves a model how to load one."""
    its = tf.get_logger()
    level = its.level
    its.setLevel(logging.ERROR)
    try:
        yield
    finally:
        its.setLevel(level)


def _compare_versions(saved: str, file: Path, *, strict: bool) -> None:
    """Report another TensorFlow; only a newer or a much older one may not fit."""
    if saved in {"", tf.__version__}:
        return
    said = f"was saved by TensorFlow {saved}, installed is {tf.__version__}"
    fits = _release(saved) <= _release(tf.__version__)
    fits = fits and saved.partition(".")[0] == tf.__version__.partition(".")[0]
    if strict and not fits:
        raise ModelLoadError(
            f"{file.name} {said}",
            reason=Reason.ModelVersionMismatch,
            remedy=f"install tensorflow=={saved}, or save it with {tf.__version__}",
        )
    logger.log(logging.INFO if fits else logging.WARNING, "%s %s", file.name, said)


def _release(version: str) -> tuple[int, ...]:
    numbers = version.split(".")[:2]
    return tuple(int(each) for each in numbers if each.isascii() and each.isdigit())


def _signature(name: str, definition: Any) -> Signature:  # noqa: ANN401 - as above
    ports: dict[str, Port] = {}
    lacks = ""
    for kind in ("inputs", "outputs"):
        for key, info in sorted(getattr(definition, kind).items()):
            found = _port(key, info)
            if found is None:
                lacks = f"its {kind[:-1]} {key!r} is no tensor that V2 can carry"
            else:
                ports[f"{kind}/{key}"] = found
    for key, value in definition.defaults.items():
        given = ports.get(f"inputs/{key}")
        if given is not None:
            default = tf.make_ndarray(value)
            ports[f"inputs/{key}"] = msgspec.structs.replace(given, default=default)
    return Signature(
        name=name,
        inputs=_of("inputs", ports),
        outputs=_of("outputs", ports),
        lacks=lacks or ("" if definition.outputs else "it has no outputs"),
    )


def _of(kind: str, ports: Mapping[str, Port]) -> dict[str, Port]:
    return {
        port.spec.name: port
        for key, port in ports.items()
        if key.startswith(f"{kind}/")
    }


def _port(name: str, info: Any) -> Port | None:  # noqa: ANN401 - as above
    if info.WhichOneof("encoding") != "name":
        return None
    datatype = tensors.datatype(np.dtype(tf.as_dtype(info.dtype).as_numpy_dtype))
    if datatype is None:
        return None
    ranked = not info.tensor_shape.unknown_rank
    shape = tuple(dim.size for dim in info.tensor_shape.dim) if ranked else (-1,)
    spec = TensorSpec(name=name, datatype=datatype, shape=shape)
    return Port(spec=spec, ranked=ranked, key=info.name)
