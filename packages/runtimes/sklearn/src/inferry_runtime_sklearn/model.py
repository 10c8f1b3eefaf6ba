"""`SklearnModel`: one fitted scikit-learn estimator or pipeline."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from typing import TYPE_CHECKING, Any

from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from inferry.errors import InferenceError, InvalidInput, ModelLoadError, ModelNotReady
from inferry.model import InferRequest, InferResponse, ModelMetadata, TensorSpec
from inferry.runtime.options import choice, count, listed
from inferry.runtime.outputs import wanted
from inferry.runtime.tensors import row_spec
from inferry_runtime_sklearn import (
    _converted,
    _files,
    _inputs,
    _outputs,
    _persistence,
    _signature,
    _threads,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SklearnModel"]

_LOG = logging.getLogger(__name__)
# What another version of scikit-learn breaks: an attribute or a parameter is missing.
_BROKEN = (AttributeError, ImportError, KeyError, TypeError)


class SklearnModel:
    """Serves one fitted estimator; its outputs are named after its methods."""

    batching = True
    inline = True
    max_concurrency = 1
    #: `predict` casts and checks by itself: any type of number, columns by name.
    checks_inputs = True

    def __init__(self) -> None:
        self._model: Any = None
        self._signature = _signature.Signature(kind="any")
        self._outputs: dict[str, TensorSpec] = {}
        self._default: tuple[str, ...] = ()
        self._threads = _threads.ThreadLimit(1)
        self._converted: _converted.Converted | None = None

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Read the model at *path* and let it answer once.

        Options: ``allowPickle``, ``trustedTypes``, ``versionMismatch``, ``method``,
        ``threads``, ``optimize``; the descriptor says what they mean.

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        strict = choice(options, "versionMismatch", ("warn", "fail")) == "fail"
        threads = count(options, "threads", 1)
        optimize = choice(options, "optimize", ("none", "onnx")) == "onnx"
        if optimize:
            _converted.require()
        file = _files.FILES.find(path)
        saved = _persistence.read(
            file,
            allow_pickle=options.get("allowPickle") is True,
            trusted=frozenset(listed(options, "trustedTypes")),
            strict=strict,
        )
        if saved.mismatch:
            _LOG.warning("%s was %s; its answers may differ", file.name, saved.mismatch)
        self._default = _methods(file.name, saved.model, listed(options, "method"))
        self._threads = _threads.ThreadLimit(threads)
        _threads.limit_jobs(saved.model, threads)
        self._model = saved.model
        self._prepare(file.name, saved)
        if optimize:
            self._convert(file.name, threads)

    def metadata(self) -> ModelMetadata:
        """Return what the estimator was fitted on, and what its methods give.

        The input's datatype is the one that text and V1 are read as; numbers of any
        other type are taken as well.
        """
        return ModelMetadata(
            inputs=self._signature.inputs,
            outputs=tuple(self._outputs.values()),
            platform="sklearn",
        )

    def warm_up(self) -> InferRequest | None:
        """Return a request of one row, or None where no row is known to work."""
        known = set(self._default) <= set(self._outputs)
        return self._signature.example() if known else None

    def predict(self, request: InferRequest) -> InferResponse:
        """Answer with the outputs asked for, or with those of the option ``method``.

        Raises:
            InvalidInput: The request does not fit the model.
            InferenceError: The estimator failed on inputs that fit.

        """
        if self._model is None:
            raise ModelNotReady("the scikit-learn model is not loaded")
        self._threads.apply()
        asked = request.outputs
        names = wanted(asked, self._known()) if asked else self._default
        frame = request.parameters.get("content_type") == "pd"
        rows = _inputs.features(self._signature, request.inputs, frame=frame)
        try:
            return InferResponse(outputs=tuple(self._run(name, rows) for name in names))
        except (InferenceError, InvalidInput):
            raise
        except ValueError as error:
            # scikit-learn checks values (missing, infinite, unknown category) so.
            said = _persistence.one_line(error)
            raise _inputs.refusal(request.inputs, said) from error
        except Exception as error:
            raise InferenceError(
                f"the model failed: {type(error).__name__}: "
                f"{_persistence.one_line(error)}"
            ) from error

    def unload(self) -> None:
        """Forget the estimator."""
        self._model = self._converted = None

    def _run(self, name: str, rows: Any) -> Any:  # noqa: ANN401 - a tensor
        if self._converted is not None:
            answer = self._converted.answer(name, rows)
            if answer is not None:
                return _outputs.tensor(name, answer)
        method = getattr(self._model, name)
        if not self._signature.names:
            return _outputs.tensor(name, _inputs.called(method, rows))
        with warnings.catch_warnings():
            # Columns that arrive as one matrix are in the order of the fit.
            warnings.filterwarnings("ignore", message="X does not have valid feature")
            return _outputs.tensor(name, _inputs.called(method, rows))

    def _known(self) -> list[str]:
        known = self._outputs or _signature.methods(self._model)
        return sorted({*self._default, *known})

    def _prepare(self, name: str, saved: _persistence.Saved) -> None:
        """Find out what the model takes and gives, by one inference where possible."""
        self._signature = _signature.describe(saved.model)
        if self._signature.frame and importlib.util.find_spec("pandas") is None:
            raise ModelLoadError(
                f"{name} picks columns by name, for which pandas is needed",
                remedy="pip install 'inferry-runtime-sklearn[pandas]'",
            )
        self._outputs = {}
        example = self._signature.example()
        if example is None:
            _check_fitted(name, saved.model)
            return
        rows = _inputs.features(self._signature, example.inputs)
        for method in _signature.methods(saved.model):
            self._try(name, saved, method, rows)

    def _convert(self, name: str, threads: int) -> None:
        """Let a graph answer from now on, if it answers the same."""
        try:
            made = _converted.convert(self._model, self._signature, threads=threads)
        except _converted.Unequal as error:
            _LOG.warning(
                "%s stays with scikit-learn, it is not served as ONNX: %s", name, error
            )
        else:
            self._converted = made
            _LOG.info("%s is served as ONNX: %s", name, ", ".join(made.methods))

    def _try(
        self,
        name: str,
        saved: _persistence.Saved,
        method: str,
        rows: Any,  # noqa: ANN401 - array or DataFrame
    ) -> None:
        try:
            made = self._run(method, rows)
        except NotFittedError as error:
            raise _not_fitted(name) from error
        except _BROKEN as error:
            said = f"{method} fails: {type(error).__name__}: {error}"
            if saved.mismatch and method in self._default:
                raise _persistence.mismatch_error(name, saved, said) from error
            _LOG.debug("%s: %s", name, said)
        except Exception as error:  # noqa: BLE001 - zeros need not be a valid row
            _LOG.debug("%s: %s on a row of zeros: %s", name, method, error)
        else:
            self._outputs[method] = row_spec(method, made.data)


def _check_fitted(name: str, model: Any) -> None:  # noqa: ANN401 - any estimator
    """Refuse an estimator of scikit-learn's own that was saved before its fit."""
    if type(model).__module__.startswith("sklearn."):
        try:
            check_is_fitted(model)
        except NotFittedError as error:
            raise _not_fitted(name) from error


def _not_fitted(name: str) -> ModelLoadError:
    return ModelLoadError(
        f"{name} holds a model that is not fitted",
        remedy="call fit before the model is saved",
    )


def _methods(name: str, model: Any, wanted: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ANN401 - any estimator
    """Return the methods that answer by default.

    Raises:
        ModelLoadError: The model has none of them.

    """
    known = _signature.methods(model)
    missing = [method for method in wanted if method not in known]
    if missing or not known:
        raise ModelLoadError(
            f"{name} holds a {type(model).__name__}, which has no "
            f"{' or '.join(missing or _signature.METHODS)}",
            remedy=f"use the option method={known[0]}"
            if known
            else "save an estimator",
        )
    return wanted or known[:1]
