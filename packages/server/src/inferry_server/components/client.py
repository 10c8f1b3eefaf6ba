"""The predictor as a transformer or an explainer sees it."""

from __future__ import annotations

import asyncio
import sys
import time
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from inferry.errors import InvalidInput, ModelLoadError
from inferry_server.components import failures
from inferry_server.components.fitting import fit

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from inferry.model import InferRequest, InferResponse
    from inferry_server.components.fitting import Signature
    from inferry_server.states import Predictor

#: The headers and the deadline of the request that is answered now.
current: ContextVar[Asking | None] = ContextVar("current", default=None)
_HEALTH_SECONDS = 2.0
_INSTALL = 'pip install "inferry-server[transformer]"'


class Asking(msgspec.Struct, frozen=True):
    """What a request to the predictor inherits from the one that made it."""

    headers: Mapping[str, str] = {}
    deadline: float | None = None


class Client(Protocol):
    """One protocol to a predictor; made and used on one event loop."""

    where: str

    async def predict(
        self, request: InferRequest, headers: Mapping[str, str], seconds: float | None
    ) -> InferResponse:
        """Return the answer to *request*."""

    async def predict_v1(
        self, body: object, headers: Mapping[str, str], seconds: float | None
    ) -> Any:  # noqa: ANN401 - any JSON
        """Return the answer to a body of V1, as it is."""

    async def signature(
        self, headers: Mapping[str, str], seconds: float | None
    ) -> Signature:
        """Return the inputs that the model declares there, none if it does not."""

    async def healthy(self, seconds: float) -> bool:
        """Whether the model is ready there."""

    async def close(self) -> None:
        """Close what is open."""


class PredictorClient:
    """What ``self.predictor`` is in a transformer or an explainer.

    The model there is *name*, unless the settings say another.

    Raises:
        ModelLoadError: What the protocol needs is not installed.

    """

    def __init__(self, settings: Predictor, name: str) -> None:
        _check_installed(settings)
        self._settings = settings
        self._model = settings.model or name
        self._client: Client | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._signature: Signature | None = None

    def start(self) -> None:
        """Belong to the running event loop."""
        self._loop = asyncio.get_running_loop()

    def predict(self, request: InferRequest) -> Any:  # noqa: ANN401 - see below
        """Ask the predictor: ``await`` it on an event loop; elsewhere it blocks.

        In a thread, which is where ``def explain`` runs, this returns the
        `InferResponse` itself.

        Raises:
            ModelError: The predictor refused or failed; see `failures`.

        """
        asking = current.get() or Asking(request.headers, request.deadline)
        return self._here_or_there(self._predict(request, asking))

    async def _predict(self, request: InferRequest, asking: Asking) -> InferResponse:
        client = self._connected()
        headers = self._headers(asking)
        if self._signature is None:
            seconds = self._seconds(asking, client)
            self._signature = await client.signature(headers, seconds)
        if self._signature:
            request = fit(request, self._signature)
        try:
            seconds = self._seconds(asking, client)
            return await client.predict(request, headers, seconds)
        except InvalidInput:
            self._signature = None  # it may be another model by now
            raise

    async def predict_v1(self, body: object) -> Any:  # noqa: ANN401 - any JSON
        """Return the answer to a body of V1, as it is; only over V1.

        Raises:
            ModelError: As `predict`.

        """
        asking = current.get() or Asking()
        client = self._connected()
        seconds = self._seconds(asking, client)
        return await client.predict_v1(body, self._headers(asking), seconds)

    def _here_or_there(self, work: Coroutine[Any, Any, InferResponse]) -> Any:  # noqa: ANN401 - as `predict`
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if self._loop is None:
            work.close()
            msg = "the predictor can be asked once load has returned, not before"
            raise RuntimeError(msg)
        if running is self._loop:
            return work
        there = asyncio.run_coroutine_threadsafe(work, self._loop)
        return there.result() if running is None else asyncio.wrap_future(there)

    def _connected(self) -> Client:
        if self._client is None:
            self._client = _connect(self._settings, self._model)
        return self._client

    def _seconds(self, asking: Asking, client: Client) -> float | None:
        limit = self._settings.timeout or None
        if asking.deadline is None:
            return limit
        left = asking.deadline - time.monotonic()
        if left <= 0:
            raise failures.late(client.where, 0.0)
        return left if limit is None else min(limit, left)

    def _headers(self, asking: Asking) -> dict[str, str]:
        allowed = self._settings.forwarded_headers
        headers = {
            name: text for name, text in asking.headers.items() if name in allowed
        }
        if "opentelemetry" in sys.modules and "traceparent" in allowed:
            # Where a span of ours is open, the predictor's becomes its child.
            from opentelemetry import propagate

            propagate.inject(headers)
        return headers

    async def healthy(self) -> bool:
        """Whether the model is ready there."""
        return await self._connected().healthy(_HEALTH_SECONDS)

    @property
    def where(self) -> str:
        """What messages call the predictor."""
        return f"the predictor {self._model!r} at {self._settings.host}"

    async def close(self) -> None:
        """Close what is open."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _connect(settings: Predictor, model: str) -> Client:
    if settings.protocol == "grpc-v2":
        from inferry_server.components.rpc import RpcClient

        return RpcClient(settings, model)
    from inferry_server.components.rest import RestClient

    return RestClient(settings, model)


def _check_installed(settings: Predictor) -> None:
    if settings.protocol == "grpc-v2":
        return
    try:
        import aiohttp
    except ImportError:
        raise ModelLoadError(
            "a predictor over HTTP needs aiohttp",
            reason="RuntimeNotInstalled",
            remedy=_INSTALL,
        ) from None
    del aiohttp
