"""`PythonModel`: any class with ``predict``, out of a folder that is trusted."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferry.errors import (
    InferenceError,
    InferryError,
    ModelLoadError,
    ModelNotReady,
)
from inferry_runtime_python import (
    _arguments,
    _metadata,
    _results,
    _source,
    _trust,
    _where,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry.model import InferRequest, InferResponse, ModelMetadata

__all__ = ["PythonModel"]

# What the user's class may have besides load and predict; the server looks for each.
_OPTIONAL = frozenset(
    {
        "batching",
        "checks_inputs",
        "explain",
        "inline",
        "max_concurrency",
        "predict_v1",
        "stream",
        "warm_up",
    }
)
_POSITIONAL = {
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.POSITIONAL_OR_KEYWORD,
}


class PythonModel:
    """Serves a user's class, in the style of `inferry.model` or with plain arrays."""

    def __init__(self) -> None:
        self._user: Any = None
        self._inputs = _arguments.Inputs(style="request")
        self._folder = Path()

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Run the code at *path* and make its class, if the settings trust it.

        Options: ``module``, the file in the folder (``model.py``); ``class``, its class
        (the only one with ``predict``).

        Raises:
            ModelLoadError: Not trusted, or the code fails; with file and line.

        """
        file = _source.find(Path(path), str(options.get("module") or "model.py"))
        _trust.check(file)
        self._folder = file.parent
        cls = _source.load_class(file, str(options.get("class") or ""))
        predict = getattr(cls, "predict", None)
        if not callable(predict):
            raise ModelLoadError(f"{cls.__name__} in {file.name} has no method predict")
        user = self._guarded(_made, cls)
        self._inputs = _arguments.inspected(user.predict, cls.__name__)
        with _source.importable(self._folder):
            self._guarded(_load, user, cls.__name__, self._folder, options)
        self._offer(user, cls.__name__)
        self._user = user

    def predict(self, request: InferRequest) -> InferResponse:
        """Call the user's ``predict`` with *request*, or with its arrays.

        Raises:
            InvalidInput: The tensors do not fit its arguments.
            InferenceError: It raised, or returned what cannot be sent.

        """
        user = self._loaded()
        args, kwargs = self._call(request)
        try:
            result = user.predict(*args, **kwargs)
        except InferryError:
            raise
        except Exception as error:
            raise self._failed(error) from error
        return _results.response(result, request.outputs)

    def unload(self) -> None:
        """Let the user's class free what it took, and forget its code."""
        user, self._user = self._user, None
        if user is None:
            return
        _source.forget(type(user))
        unload = getattr(user, "unload", None)
        if callable(unload):
            unload()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the user's class has
        """Give the optional parts of a model that the user's class has."""
        user = self.__dict__.get("_user")
        if name in _OPTIONAL and user is not None and hasattr(user, name):
            return getattr(user, name)
        msg = f"{type(self).__name__!r} object has no attribute {name!r}"
        raise AttributeError(msg)

    async def _predict_async(self, request: InferRequest) -> InferResponse:
        user = self._loaded()
        args, kwargs = self._call(request)
        try:
            result = await user.predict(*args, **kwargs)
        except InferryError:
            raise
        except Exception as error:
            raise self._failed(error) from error
        return _results.response(result, request.outputs)

    def _loaded(self) -> Any:  # noqa: ANN401 - the user's object
        if self._user is None:
            raise ModelNotReady("the Python model is not loaded")
        return self._user

    def _call(self, request: InferRequest) -> tuple[list[Any], dict[str, Any]]:
        if self._inputs.style == "request":
            return [request], {}
        return self._inputs.arguments(request.inputs)

    def _offer(self, user: Any, name: str) -> None:  # noqa: ANN401 - the user's object
        """Show the server the shape of the user's class: async, its metadata."""
        # The server and the kit tell async from plain by the function itself.
        if inspect.iscoroutinefunction(user.predict):
            self.__dict__["predict"] = self._predict_async
        metadata: Callable[[], ModelMetadata] | None = getattr(user, "metadata", None)
        if not callable(metadata):
            found = _metadata.declared(user, name)
            metadata = (lambda: found) if found is not None else None
        if metadata is not None:
            self.__dict__["metadata"] = metadata

    def _guarded(self, function: Callable[..., Any], *args: Any) -> Any:  # noqa: ANN401 - as the function
        """Call *function*; what the user's code raises becomes one line."""
        try:
            return function(*args)
        except ModelLoadError:
            raise
        except MemoryError as error:
            said = f": {error}" if str(error) else ""
            raise ModelLoadError(
                f"the model does not fit into memory{said}", reason="OutOfMemory"
            ) from None
        except (Exception, SystemExit) as error:
            raise ModelLoadError(_where.described(error, self._folder)) from error

    def _failed(self, error: Exception) -> InferenceError:
        return InferenceError(
            f"the model failed: {_where.described(error, self._folder)}"
        )


def _made(cls: type[Any]) -> Any:  # noqa: ANN401 - the user's object
    required = [
        parameter.name
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    if required:
        raise ModelLoadError(
            f"{cls.__name__} cannot be made without {', '.join(required)}",
            remedy="give them defaults, or read them in load",
        )
    return cls()


def _load(
    user: Any,  # noqa: ANN401 - the user's object
    name: str,
    folder: Path,
    options: Mapping[str, Any],
) -> None:
    """Call ``load(self)``, ``load(self, path)`` or ``load(self, path, options)``."""
    load = getattr(user, "load", None)
    if load is None:
        return
    if inspect.iscoroutinefunction(load):
        raise ModelLoadError(
            f"{name}.load is async", remedy="write it as def; it may block"
        )
    parameters = list(inspect.signature(load).parameters.values())
    count = sum(parameter.kind in _POSITIONAL for parameter in parameters)
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        count = 2
    if load(*(folder, dict(options))[:count]) is False:
        raise ModelLoadError(
            f"{name}.load returned False", remedy="raise an error that says why"
        )
