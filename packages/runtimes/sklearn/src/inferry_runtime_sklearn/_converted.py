"""Answer with an ONNX graph instead of the estimator, where both say the same.

onnxruntime walks a forest in a hundredth of the time that scikit-learn takes, most of
which goes into one Python call per tree.
"""

from __future__ import annotations

import importlib.util
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier

from inferry.errors import ModelLoadError
from inferry_runtime_sklearn._samples import is_tree, samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_runtime_sklearn._signature import Signature

    Array = np.ndarray[Any, Any]

__all__ = ["Converted", "Unequal", "convert", "require"]

_OPSET = 17
_NEEDED = ("skl2onnx", "onnxruntime")
#: Output of a graph -> the method it stands for, of classifiers and of the others.
_CLASSIFIER = {"label": "predict", "probabilities": "predict_proba"}
_VARIABLE = "variable"
#: Single precision is what onnxruntime sums trees up in.
_TOLERANCE = 1e-5


class Unequal(Exception):
    """A model cannot be converted, or the graph does not answer as it does."""


class Converted:
    """A graph that answers some methods of an estimator."""

    def __init__(self, session: Any, outputs: Mapping[str, str], dtype: str) -> None:  # noqa: ANN401 - onnxruntime has no types
        self._session = session
        self._outputs = outputs
        self._dtype = dtype
        self._kinds: dict[str, tuple[Any, tuple[int, ...]]] = {}

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the graph answers."""
        return tuple(self._outputs)

    def answer(self, method: str, rows: Any) -> Array | None:  # noqa: ANN401 - as scikit-learn takes
        """Return what *method* gives for *rows*; None where scikit-learn has to say.

        What is not finite is its to answer or to refuse.
        """
        name = self._outputs.get(method)
        if name is None or type(rows) is not np.ndarray or not len(rows):
            return None
        with np.errstate(over="ignore"):
            given = np.ascontiguousarray(rows, self._dtype)
        if not np.isfinite(given).all():
            return None
        found = self._session.run([name], {"X": given})[0]
        dtype, tail = self._kinds.get(method, (found.dtype, found.shape[1:]))
        shaped: Array = found.astype(dtype, copy=False).reshape(len(rows), *tail)
        return shaped

    def compare(self, model: Any, rows: Array) -> None:  # noqa: ANN401 - any estimator
        """Take over the types of *model*, once every answer to *rows* is equal.

        Raises:
            Unequal: One is not.

        """
        for method in self._outputs:
            expected = np.asarray(getattr(model, method)(rows))
            self._kinds[method] = (expected.dtype, expected.shape[1:])
            found = self.answer(method, rows)
            if found is None:
                raise Unequal("no row of the check has finite numbers")
            if not _equal(expected, found):
                raise Unequal(f"the graph answers {method} otherwise")


def require() -> None:
    """Check that what converts is installed.

    Raises:
        ModelLoadError: It is not.

    """
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise ModelLoadError(
            f"optimize=onnx needs {' and '.join(missing)}, which is not installed",
            remedy="pip install 'inferry-runtime-sklearn[onnx]'",
        )


def convert(model: Any, signature: Signature, *, threads: int) -> Converted:  # noqa: ANN401 - any estimator
    """Return the graph of *model*, once it is known to answer the same.

    Raises:
        Unequal: The model cannot be converted, or the graph answers otherwise.

    """
    if signature.kind != "matrix" or signature.texts or signature.frame:
        raise Unequal("it does not take a table of numbers")
    if signature.features < 1:
        raise Unequal("its number of features is not known")
    rows = samples(model, signature.features)
    # A tree casts to single precision itself; else a graph of doubles is the closer.
    kinds = ("float32", "float64") if is_tree(model) else ("float64", "float32")
    reason = ""
    for dtype in kinds:
        try:
            with warnings.catch_warnings():
                # Converters warn of what is compared here; columns need no names.
                warnings.simplefilter("ignore")
                made = _made(model, signature.features, dtype, threads)
                made.compare(model, rows.astype(np.float32).astype(np.float64))
                made.compare(model, rows)
        except Unequal as error:
            reason = str(error)
        except Exception as error:  # noqa: BLE001 - whatever converters and onnxruntime raise
            said = " ".join(str(error).split())[:200]
            reason = f"{type(error).__name__}: {said}"
        else:
            return made
    raise Unequal(reason)


def _made(model: Any, features: int, dtype: str, threads: int) -> Converted:  # noqa: ANN401 - any estimator
    import onnxruntime
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kind = FloatTensorType if dtype == "float32" else DoubleTensorType
    options = {id(model): {"zipmap": False}} if is_classifier(model) else None
    graph = to_onnx(
        model,
        initial_types=[("X", kind([None, features]))],
        options=options,
        target_opset=_OPSET,
    )
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = threads
    settings.inter_op_num_threads = 1
    settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), settings, providers=["CPUExecutionProvider"]
    )
    outputs = _methods(model, [each.name for each in session.get_outputs()])
    if not outputs:
        raise Unequal("the graph has no output that stands for a method")
    return Converted(session, outputs, dtype)


def _methods(model: Any, outputs: list[str]) -> dict[str, str]:  # noqa: ANN401 - any estimator
    """Return the method of the model -> the output of the graph."""
    if is_classifier(model):
        named = {_CLASSIFIER[name]: name for name in outputs if name in _CLASSIFIER}
    elif outputs == [_VARIABLE]:
        named = {"predict" if hasattr(model, "predict") else "transform": _VARIABLE}
    else:
        named = {}
    return {method: name for method, name in named.items() if hasattr(model, method)}


def _equal(expected: Array, found: Array) -> bool:
    if expected.shape != found.shape:
        return False
    if expected.dtype.kind != "f":
        return bool((expected == found).all())
    scale = max(1.0, float(np.abs(expected).max(initial=0)))
    return np.allclose(expected, found, rtol=_TOLERANCE, atol=_TOLERANCE * scale / 10)
