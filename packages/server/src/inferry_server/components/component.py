"""A class with `preprocess`, `postprocess` or `explain` as a model of this server."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from contextvars import copy_context
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import InferenceError, ModelLoadError
from inferry.model import InferRequest, InferResponse
from inferry_server.components.client import Asking, PredictorClient, current
from inferry_server.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping
    from pathlib import Path

    from inferry_server.states import ModelSpec

logger = logging.getLogger(__name__)

_STEPS = ("preprocess", "predict", "postprocess", "explain")
_V1_STEPS = ("preprocess_v1", "postprocess_v1")
#: Seconds between two looks at the predictor's health.
_LOOK_EVERY = 1.0
_CLOSING = 5.0
#: Neither `load` nor `postprocess` is given more.
_MOST_POSITIONS = 2


class Component:
    """Serves *instance* in front of the predictor of *spec*.

    ``preprocess(request) -> InferRequest`` stands before the predictor, and
    ``postprocess(response[, request]) -> InferResponse`` behind it;
    ``predict(request)`` takes its place and ``explain(request)`` answers ``:explain``.
    Each may be ``def``, which runs in a thread, or ``async def``.
    ``self.predictor.predict(request)`` asks the predictor, see `PredictorClient`.
    ``preprocess_v1(body)`` and ``postprocess_v1(body)`` get the bodies of V1 as they
    are, where the predictor is asked over V1 as well.

    Raises:
        ModelLoadError: The class has none of these, or what it needs is not installed.

    """

    def __init__(self, instance: Any, spec: ModelSpec) -> None:  # noqa: ANN401 - any class
        if spec.predictor is None:
            msg = "a component needs a predictor"
            raise TypeError(msg)
        self._instance = instance
        self._spec = spec
        self._check(spec)
        self._checks_health = spec.predictor.check_health
        self._client = PredictorClient(spec.predictor, spec.name)
        self._workers = Workers(f"inferry-{spec.name}", self._threads())
        self._loop: asyncio.AbstractEventLoop | None = None
        self._looking: asyncio.Task[None] | None = None
        self._healthy = True
        instance.predictor = self._client
        # The server looks for these by name.
        if hasattr(instance, "metadata"):
            self.metadata = instance.metadata
        if hasattr(instance, "explain"):
            self.explain = self._explain
        if spec.predictor.protocol == "v1" and any(
            hasattr(instance, step) for step in _V1_STEPS
        ):
            self.predict_v1 = self._predict_v1
            self.predict_v1_of = self._predict_v1_of

    def _check(self, spec: ModelSpec) -> None:
        if not any(hasattr(self._instance, step) for step in (*_STEPS, *_V1_STEPS)):
            raise ModelLoadError(
                f"{spec.target} has none of {', '.join(_STEPS)}; there is nothing to "
                "do before the predictor"
            )

    def _threads(self) -> int:
        limit = getattr(self._instance, "max_concurrency", 1)
        return limit if isinstance(limit, int) and limit > 0 else 1

    @property
    def why_unhealthy(self) -> str:
        """What the predictor lacks where its health is watched."""
        return "" if self._healthy else f"{self._client.where} is not ready"

    def load(self, path: Path, options: Mapping[str, Any]) -> None:
        """Have the class load what it needs: ``load([path[, options]])``."""
        load = getattr(self._instance, "load", None)
        if load is not None:
            load(*(path, options)[: _positions(load)])

    async def warm_up(self) -> InferRequest | None:
        """Belong to the running loop; return the class's own first request."""
        self._loop = asyncio.get_running_loop()
        self._client.start()
        if self._checks_health:
            self._healthy = await self._is_healthy()
            self._looking = asyncio.create_task(self._look())
        own = getattr(self._instance, "warm_up", None)
        return None if own is None else await self._call(own)

    async def _is_healthy(self) -> bool:
        try:
            return await self._client.healthy()
        except Exception:
            logger.exception("%s cannot be asked how it is", self._client.where)
            return False

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            healthy = await self._is_healthy()
            if healthy != self._healthy:
                level = logging.INFO if healthy else logging.WARNING
                word = "ready" if healthy else "not ready"
                logger.log(level, "%s is %s", self._client.where, word)
            self._healthy = healthy

    async def predict(self, request: InferRequest) -> InferResponse:
        """Answer by way of the predictor."""
        with _asking(Asking(request.headers, request.deadline)):
            asked = await self._before(request)
            own = getattr(self._instance, "predict", None)
            if own is None:
                answer = await self._client.predict(asked)
            else:
                answer = await self._call(own, asked)
            return await self._behind(answer, request)

    async def _before(self, request: InferRequest) -> InferRequest:
        step = getattr(self._instance, "preprocess", None)
        asked = request if step is None else await self._call(step, request)
        if not isinstance(asked, InferRequest):
            raise self._wrong("preprocess", asked, "InferRequest")
        if asked.outputs and asked.outputs is request.outputs and self._names_outputs:
            # The names are those of this component, not the predictor's.
            asked = msgspec.structs.replace(asked, outputs=())
        return asked

    @property
    def _names_outputs(self) -> bool:
        return hasattr(self._instance, "postprocess")

    async def _behind(self, answer: object, request: InferRequest) -> InferResponse:
        step = getattr(self._instance, "postprocess", None)
        if step is not None:
            answer = await self._call(step, *(answer, request)[: _positions(step)])
        if not isinstance(answer, InferResponse):
            name = "predict" if step is None else "postprocess"
            raise self._wrong(name, answer, "InferResponse")
        return answer

    async def _explain(self, request: InferRequest) -> InferResponse:
        with _asking(Asking(request.headers, request.deadline)):
            answer = await self._call(self._instance.explain, request)
        if not isinstance(answer, InferResponse):
            raise self._wrong("explain", answer, "InferResponse")
        return answer

    def _predict_v1_of(
        self, headers: Mapping[str, str], deadline: float | None
    ) -> Callable[[object], Awaitable[Any]]:
        """Return what answers a body that came with *headers* until *deadline*."""

        async def answer(body: object) -> Any:  # noqa: ANN401 - any JSON
            with _asking(Asking(headers, deadline)):
                return await self._predict_v1(body)

        return answer

    async def _predict_v1(self, body: object) -> Any:  # noqa: ANN401 - any JSON
        before = getattr(self._instance, "preprocess_v1", None)
        behind = getattr(self._instance, "postprocess_v1", None)
        asked = body if before is None else await self._call(before, body)
        answer = await self._client.predict_v1(asked)
        return answer if behind is None else await self._call(behind, answer)

    async def _call(self, function: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - the class's
        if inspect.iscoroutinefunction(function):
            return await function(*arguments)
        context = copy_context()
        answer = await self._workers.submit(context.run, function, *arguments)
        return await answer if inspect.isawaitable(answer) else answer

    def _wrong(self, step: str, got: object, expected: str) -> InferenceError:
        return InferenceError(
            f"{self._spec.target}.{step} returned {type(got).__name__}, expected "
            f"{expected}"
        )

    def unload(self) -> None:
        """Close the connections and have the class free what it took."""
        self._workers.close()
        if self._loop is not None and self._loop.is_running():
            closing = asyncio.run_coroutine_threadsafe(self._close(), self._loop)
            closing.result(_CLOSING)
        unload = getattr(self._instance, "unload", None)
        if unload is not None:
            unload()

    async def _close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        await self._client.close()


@contextlib.contextmanager
def _asking(asking: Asking) -> Iterator[None]:
    token = current.set(asking)
    try:
        yield
    finally:
        current.reset(token)


def _positions(function: Callable[..., Any]) -> int:
    """Return how many positional arguments *function* takes."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_POSITIONAL for one in parameters):
        return _MOST_POSITIONS
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(one.kind in kinds for one in parameters)
