"""The predictor over HTTP: V1, or V2 with raw tensors."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from inferry.errors import ModelError, ModelNotReady
from inferry_server.codec.v2 import dump
from inferry_server.components import failures, fitting, v1_wire, v2_wire
from inferry_server.errors import DeadlineExceeded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.model import InferRequest, InferResponse
    from inferry_server.components.fitting import Signature
    from inferry_server.states import Predictor

#: Less than the 5 s after which uvicorn, and whoever has its default, closes a
#: connection: a request that meets the end of one is lost and not safe to repeat.
_KEEP_ALIVE = 4.0
_CONNECTIONS = 256
_CONNECT = 5.0
_LARGEST = 2**30
_PIECE = 256 * 1024
_LENGTH = "Inference-Header-Content-Length"
_OK = 200
#: Seconds before the first further attempt; each doubles it.
_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class RestClient:
    """Asks the model *model* of *predictor*; made and used on one event loop."""

    def __init__(self, predictor: Predictor, model: str) -> None:
        self._predictor = predictor
        self._model = model
        scheme = "https" if predictor.use_tls else "http"
        base = f"{scheme}://{predictor.host}"
        if predictor.protocol == "v1":
            self._url = f"{base}/v1/models/{model}:predict"
            self._health = f"{base}/v1/models/{model}"
            self._metadata = ""
        else:
            self._metadata = f"{base}/v2/models/{model}"
            self._url = f"{base}/v2/models/{model}/infer"
            self._health = f"{base}/v2/models/{model}/ready"
        self.where = f"the predictor {model!r} at {predictor.host}"
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=_CONNECTIONS,
                keepalive_timeout=_KEEP_ALIVE,
                ssl=ssl.create_default_context() if predictor.use_tls else False,
            ),
            # Compressing costs more time than a cluster's network does.
            headers={"Accept-Encoding": "identity"},
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def predict(
        self, request: InferRequest, headers: Mapping[str, str], seconds: float | None
    ) -> InferResponse:
        """Return the predictor's answer to *request* within *seconds*.

        Raises:
            ModelError: There is none; see `failures`.

        """
        if self._predictor.protocol == "v1":
            body = v1_wire.encode(request, self._model)
            answer, _ = await self.post(body, headers, seconds)
            return self._read(v1_wire.decode, answer)
        body, length = v2_wire.encode(request)
        own = {_LENGTH: str(length), "Content-Type": "application/octet-stream"}
        answer, json_length = await self.post(body, {**headers, **own}, seconds)
        return self._read(v2_wire.decode, answer, json_length)

    async def predict_v1(
        self, body: object, headers: Mapping[str, str], seconds: float | None
    ) -> Any:  # noqa: ANN401 - any JSON
        """Return the predictor's answer to a body of V1, as it is.

        Raises:
            ModelError: As `predict`.

        """
        answer, _ = await self.post(dump(body, self._model), headers, seconds)
        try:
            return msgspec.json.decode(answer)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise failures.broken(
                self.where, f"its answer is no JSON: {error}"
            ) from error

    def _read(self, decode: Any, *arguments: object) -> InferResponse:  # noqa: ANN401 - of either protocol
        try:
            response: InferResponse = decode(*arguments)
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            raise failures.broken(
                self.where, f"its answer cannot be read: {error}"
            ) from error
        return response

    async def post(
        self, body: bytes, headers: Mapping[str, str], seconds: float | None
    ) -> tuple[bytes, int | None]:
        """Send *body*; return the answer's, and how much of it is JSON where it says.

        Raises:
            ModelError: As `predict`.

        """
        sent = {"Content-Type": "application/json", **headers}
        return await self._within(seconds, "POST", self._url, sent, body)

    async def signature(
        self, headers: Mapping[str, str], seconds: float | None
    ) -> Signature:
        """Return the inputs that the model declares, none over V1 or where it fails.

        Raises:
            ModelError: The predictor cannot be reached, or not in time.

        """
        if not self._metadata:
            return ()
        try:
            content, _ = await self._within(seconds, "GET", self._metadata, headers)
            return fitting.read(content)
        except (ModelNotReady, DeadlineExceeded):
            raise
        except (ModelError, ValueError):  # not every server has it
            return ()

    async def _within(
        self,
        seconds: float | None,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None = None,
    ) -> tuple[bytes, int | None]:
        try:
            async with asyncio.timeout(seconds):
                return await self._connected(method, url, headers, body)
        except TimeoutError:
            raise failures.late(self.where, seconds or 0.0) from None
        except aiohttp.ClientConnectionError as error:
            raise failures.broken(
                self.where, f"the connection broke before the answer: {error}"
            ) from error
        except (aiohttp.ClientError, ValueError) as error:
            if isinstance(error, ModelError):
                raise
            raise failures.broken(self.where, f"no HTTP answer: {error}") from error

    async def _connected(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[bytes, int | None]:
        """Try again only where no connection came about: nothing was sent then."""
        pause = _PAUSE
        for left in range(self._predictor.retries, -1, -1):
            try:
                return await self._once(method, url, headers, body)
            except (
                aiohttp.ClientConnectorError,
                aiohttp.ConnectionTimeoutError,
            ) as error:
                if not left:
                    raise failures.unreachable(self.where, _why(error)) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise AssertionError  # the last attempt has returned or raised

    async def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> tuple[bytes, int | None]:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT)
        async with self._session.request(
            method,
            url,
            data=body,
            headers=headers,
            allow_redirects=False,
            timeout=timeout,
        ) as answer:
            content = await self._content(answer)
            if answer.status != _OK:
                retry = answer.headers.get("Retry-After", "")
                text = _error_text(content)
                raise failures.answered(self.where, answer.status, text, retry)
            length = answer.headers.get(_LENGTH)
            return content, None if length is None else int(length)

    async def _content(self, answer: aiohttp.ClientResponse) -> bytes:
        pieces = bytearray()
        async for piece in answer.content.iter_chunked(_PIECE):
            pieces += piece
            if len(pieces) > _LARGEST:
                raise failures.broken(
                    self.where, f"its answer is over {_LARGEST} bytes"
                )
        return bytes(pieces)

    async def healthy(self, seconds: float) -> bool:
        """Whether the model is ready there."""
        timeout = aiohttp.ClientTimeout(total=seconds)
        try:
            async with self._session.get(
                self._health, allow_redirects=False, timeout=timeout
            ) as answer:
                return answer.status == _OK
        except (aiohttp.ClientError, TimeoutError, ValueError):
            return False

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()


def _why(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        return str(error.os_error) or str(error)
    return f"no connection within {_CONNECT:.3g} s"


def _error_text(content: bytes) -> str:
    """Return what an answer says went wrong: ``error``, ``detail``, or all of it."""
    try:
        document = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return content[:2000].decode(errors="replace")
    if isinstance(document, dict):
        for name in ("error", "detail", "message"):
            if document.get(name):
                return str(document[name])
    return content[:2000].decode(errors="replace")
