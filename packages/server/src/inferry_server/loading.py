"""From a spec to a model that has answered once, or to the reason why not."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import logging
from typing import TYPE_CHECKING, Any

from inferry.errors import InferryError, ModelLoadError, one_line
from inferry.model import DATATYPES, ModelMetadata
from inferry_server.loaded import LoadedModel
from inferry_server.memory import Growth, stored
from inferry_server.payload_log import check
from inferry_server.states import NAME
from inferry_server.warmup import warm_up
from inferry_server.workers import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry_server.settings import ServerSettings
    from inferry_server.states import ModelSpec, Phase

logger = logging.getLogger(__name__)

#: So many classes are named to whoever misspelt one.
_LISTED = 5


async def load_model(
    spec: ModelSpec,
    settings: ServerSettings,
    *,
    on_phase: Callable[[Phase], None],
) -> tuple[LoadedModel, str]:
    """Load the model of *spec* and warm it up; return it with a note, mostly empty.

    Raises:
        ModelLoadError: For whatever went wrong, with its reason.

    """
    limit = asyncio.timeout(settings.load_timeout)
    try:
        async with limit:
            on_phase("Loading")
            instance, metadata, held = await in_thread(
                f"inferry-load-{spec.name}", _load, spec
            )
            model = LoadedModel(
                spec,
                instance,
                metadata,
                queue_size=settings.queue_size,
                forwarded_headers=_seen_headers(spec, settings),
            )
            model.memory = _told(instance) or held
            on_phase("WarmingUp")
            said = await _warm_up(model)
            return model, "; ".join(filter(None, (said, model.note)))
    except TimeoutError as error:
        if not limit.expired():
            raise _load_error(error, spec) from error
        raise ModelLoadError(
            f"model {spec.name!r} did not load within {settings.load_timeout:g} s",
            reason="LoadTimeout",
            remedy="raise the load timeout or use a smaller model",
        ) from None
    except Exception as error:
        raise _load_error(error, spec) from error


def _seen_headers(spec: ModelSpec, settings: ServerSettings) -> tuple[str, ...]:
    """Return the headers that the model sees: a component passes some on."""
    passed_on = spec.predictor.forwarded_headers if spec.predictor else ()
    return tuple(dict.fromkeys((*settings.forwarded_headers, *passed_on)))


async def unload_model(model: LoadedModel, limit: float | None) -> None:
    """Let the calls in flight end, then have the model free what it took."""
    if not await model.close(limit):
        logger.warning(
            "model %s still computes after %s s; its memory is not freed",
            model.name,
            limit,
        )
        return
    await _free(model.instance, model.name)


async def _free(instance: Any, name: str) -> None:  # noqa: ANN401 - any model
    unload = getattr(instance, "unload", None)
    if unload is None:
        return
    try:
        await in_thread(f"inferry-unload-{name}", unload)
    except Exception:
        logger.exception("model %s failed to unload", name)


def _told(instance: Any) -> int:  # noqa: ANN401 - any model
    own = getattr(instance, "memory", 0)
    return own if isinstance(own, int) and own > 0 else 0


def _load(spec: ModelSpec) -> tuple[Any, ModelMetadata, int]:
    """Return the model, its signature, and how many bytes it holds."""
    if not NAME.match(spec.name):
        raise ModelLoadError(
            f"model name {spec.name!r} must be letters, digits, '.', '_' or '-'",
            reason="InvalidSpec",
        )
    if spec.payload_log is not None:
        check(spec.payload_log)
    instance = _instance(spec)
    for method in ("load", "predict"):
        if not callable(getattr(instance, method, None)):
            raise ModelLoadError(
                f"{spec.target} has no method {method!r}",
                remedy="write one as inferry.model.Model describes it; a class with "
                "nothing but predict is served by `inferry run FILE.py:CLASS`",
            )
    if hasattr(instance, "served_name"):
        instance.served_name = spec.name
    with Growth() as growth:
        instance.load(spec.path, spec.options)
    # A small model goes where another one was: the process does not grow by it.
    held = max(growth.size, stored(spec.path))
    return instance, _metadata(instance, spec), held


def _instance(spec: ModelSpec) -> Any:  # noqa: ANN401 - of a class of the user's
    if spec.isolated:
        from inferry_server.isolation.model import Isolated

        return Isolated(spec.name, spec.target)
    instance = _target(spec)()
    if spec.predictor is None:
        return instance
    from inferry_server.components.component import Component

    return Component(instance, spec)


def _target(spec: ModelSpec) -> Any:  # noqa: ANN401 - a class of the user's
    module, _, attribute = spec.target.partition(":")
    if not module or not attribute:
        raise ModelLoadError(
            f"model {spec.name!r}: target {spec.target!r} must read 'module:Class'",
            reason="InvalidSpec",
        )
    found: Any = importlib.import_module(module)
    for name in attribute.split("."):
        if not hasattr(found, name):
            raise ModelLoadError(
                f"module {module!r} has no {attribute!r}",
                remedy=_classes(found, module),
            )
        found = getattr(found, name)
    return found


def _classes(place: object, module: str) -> str:
    """Say which classes *place*, the module *module* or a class of it, has."""
    found = [
        name
        for name, value in vars(place).items()
        if inspect.isclass(value) and value.__module__ == module and name[0] != "_"
    ]
    listed = ", ".join(found[:_LISTED])
    return f"name one of its classes: {listed}" if found else "write such a class there"


def _metadata(
    instance: Any,  # noqa: ANN401 - any model
    spec: ModelSpec,
) -> ModelMetadata:
    if not hasattr(instance, "metadata"):
        return ModelMetadata()
    metadata = instance.metadata()
    if not isinstance(metadata, ModelMetadata):
        raise ModelLoadError(
            f"{spec.target}.metadata returned {type(metadata).__name__}, expected "
            "ModelMetadata"
        )
    for tensor in (*metadata.inputs, *metadata.outputs):
        if tensor.datatype not in DATATYPES:
            raise ModelLoadError(
                f"{spec.target}.metadata: tensor {tensor.name!r} has the unknown "
                f"datatype {tensor.datatype!r}; expected one of {', '.join(DATATYPES)}"
            )
    return metadata


async def _warm_up(model: LoadedModel) -> str:
    try:
        return await warm_up(model)
    except asyncio.CancelledError:
        await _free_soon(model)
        raise
    except Exception as error:
        await _free_soon(model)
        if isinstance(error, MemoryError | ModelLoadError):
            raise
        logger.warning("model %s: warm-up failed", model.name, exc_info=error)
        raise ModelLoadError(
            f"model {model.name!r} loads but does not answer: {_describe(error)}",
            reason="WarmUpFailed",
        ) from error


async def _free_soon(model: LoadedModel) -> None:
    if await model.close(patience=0):
        await _free(model.instance, model.name)


def _load_error(error: Exception, spec: ModelSpec) -> ModelLoadError:
    if isinstance(error, ModelLoadError):
        return error
    if isinstance(error, ImportError):
        return _not_installed(error, spec)
    if isinstance(error, MemoryError):
        said = f": {error}" if str(error) else ""
        return ModelLoadError(
            f"model {spec.name!r} does not fit into memory{said}", reason="OutOfMemory"
        )
    logger.error("model %s failed to load", spec.name, exc_info=error)
    remedy = error.remedy if isinstance(error, InferryError) else ""
    return ModelLoadError(
        f"model {spec.name!r} failed to load: {_describe(error)}", remedy=remedy
    )


def _not_installed(error: ImportError, spec: ModelSpec) -> ModelLoadError:
    what = f"runtime {spec.runtime!r}" if spec.runtime else spec.target
    message = error.message if isinstance(error, InferryError) else str(error)
    remedy = error.remedy if isinstance(error, InferryError) else ""
    if spec.install:
        remedy = remedy or f'pip install "{spec.install}"'
    elif isinstance(error, ModuleNotFoundError) and error.name:
        remedy = remedy or f"install the package that has the module {error.name!r}"
    return ModelLoadError(
        f"model {spec.name!r}: {what} cannot be imported: {message}",
        reason="RuntimeNotInstalled",
        remedy=remedy,
    )


def _describe(error: Exception) -> str:
    """Name *error* in one line; an error on purpose speaks for itself."""
    if isinstance(error, InferryError):
        return str(error)
    return one_line(error)
