"""The predictor over gRPC, tensors as raw bytes."""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
from google.protobuf.message import DecodeError

from inferry.model import InferResponse, Tensor, TensorSpec
from inferry_server.codec import tensors
from inferry_server.components import failures
from inferry_server.components.v2_wire import plain
from inferry_server.errors import Unsupported
from inferry_server.grpc import parameters
from inferry_server.grpc.contract.inference import SERVICE
from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.model import InferRequest
    from inferry_server.components.fitting import Signature
    from inferry_server.states import Predictor

#: gRPC status -> the HTTP status that `failures` knows.
_STATUS: Mapping[Any, int] = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
}
_NOT_THERE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # gRPC may send a call again that the predictor has seen.
    ("grpc.enable_retries", 0),
)
#: How grpc says that there was no connection, so that nothing was sent.
_NOT_CONNECTED = "failed to connect"
_PORT = re.compile(r":[0-9]+\Z")
_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


class RpcClient:
    """Asks the model *model* of *predictor*; made and used on one event loop."""

    def __init__(self, predictor: Predictor, model: str) -> None:
        self._predictor = predictor
        self._model = model
        self.where = f"the predictor {model!r} at {predictor.host}"
        self._channel = _channel(predictor)
        self._infer = self._channel.unary_unary(
            f"/{SERVICE}/ModelInfer",
            request_serializer=lambda made: made.SerializeToString(),
        )
        self._metadata = self._channel.unary_unary(f"/{SERVICE}/ModelMetadata")
        self._ready = self._channel.unary_unary(f"/{SERVICE}/ModelReady")

    async def predict(
        self, request: InferRequest, headers: Mapping[str, str], seconds: float | None
    ) -> InferResponse:
        """Return the predictor's answer to *request* within *seconds*.

        Raises:
            ModelError: There is none; see `failures`.

        """
        body = _encode(request, self._model)
        pause = _PAUSE
        for left in range(self._predictor.retries, -1, -1):
            try:
                answer = await self._infer(
                    body, metadata=tuple(headers.items()), timeout=seconds
                )
                return self._decode(answer)
            except grpc.aio.AioRpcError as error:
                if not left or _NOT_CONNECTED not in (error.details() or ""):
                    raise self._failure(error, seconds) from error
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        raise AssertionError  # the last attempt has returned or raised

    async def predict_v1(
        self, body: object, headers: Mapping[str, str], seconds: float | None
    ) -> Any:  # noqa: ANN401 - never returns
        """Refuse: gRPC has no such bodies."""
        del body, headers, seconds
        raise Unsupported(f"{self.where} is asked over gRPC, which has no V1")

    def _failure(self, error: grpc.aio.AioRpcError, seconds: float | None) -> Exception:
        code, text = error.code(), error.details() or ""
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            return failures.late(self.where, seconds or 0.0)
        if code is grpc.StatusCode.UNAVAILABLE and _NOT_CONNECTED in text:
            return failures.unreachable(self.where, text)
        status = _STATUS.get(code)
        if status is None:
            return failures.broken(self.where, f"{code.name}: {text}")
        return failures.answered(self.where, status, text)

    def _decode(self, answer: bytes) -> InferResponse:
        try:
            return _decode(answer)
        except (DecodeError, ValueError) as error:
            raise failures.broken(
                self.where, f"its answer cannot be read: {error}"
            ) from error

    async def signature(
        self, headers: Mapping[str, str], seconds: float | None
    ) -> Signature:
        """Return the inputs that the model declares, none where it does not say.

        Raises:
            ModelError: The predictor cannot be reached, or not in time.

        """
        asked = message("ModelMetadataRequest")(name=self._model)
        try:
            answer = await self._metadata(
                asked.SerializeToString(),
                metadata=tuple(headers.items()),
                timeout=seconds,
            )
        except grpc.aio.AioRpcError as error:
            if error.code() in _NOT_THERE:
                raise self._failure(error, seconds) from error
            return ()
        made = message("ModelMetadataResponse").FromString(answer)
        return tuple(
            TensorSpec(name=one.name, datatype=one.datatype, shape=tuple(one.shape))
            for one in made.inputs
        )

    async def healthy(self, seconds: float) -> bool:
        """Whether the model is ready there."""
        asked = message("ModelReadyRequest")(name=self._model).SerializeToString()
        try:
            answer = await self._ready(asked, timeout=seconds)
        except grpc.aio.AioRpcError:
            return False
        return bool(message("ModelReadyResponse").FromString(answer).ready)

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()


def _channel(predictor: Predictor) -> Any:  # noqa: ANN401 - grpc's
    target = predictor.host
    if not _PORT.search(target):  # gRPC would take that of TLS for both
        target += ":443" if predictor.use_tls else ":80"
    if not predictor.use_tls:
        return grpc.aio.insecure_channel(target, options=_OPTIONS)
    # As for HTTP: the certificates that this machine trusts, or SSL_CERT_FILE.
    file = ssl.get_default_verify_paths().cafile
    roots = Path(file).read_bytes() if file else None
    credentials = grpc.ssl_channel_credentials(root_certificates=roots)
    return grpc.aio.secure_channel(target, credentials, options=_OPTIONS)


def _encode(request: InferRequest, model: str) -> Any:  # noqa: ANN401 - a ModelInferRequest
    made = message("ModelInferRequest")(model_name=model, id=request.id or "")
    parameters.write(plain(request.parameters), made.parameters)
    for tensor in request.inputs:
        item = made.inputs.add(
            name=tensor.name, datatype=tensor.datatype, shape=tensor.data.shape
        )
        parameters.write(plain(tensor.parameters), item.parameters)
        made.raw_input_contents.append(
            bytes(tensors.to_raw(tensor.data, tensor.datatype))
        )
    for name in request.outputs:
        made.outputs.add(name=name)
    return made


def _decode(body: bytes) -> InferResponse:
    answer = message("ModelInferResponse").FromString(body)
    raws = answer.raw_output_contents
    if raws and len(raws) != len(answer.outputs):
        msg = f"{len(answer.outputs)} outputs, but {len(raws)} raw contents"
        raise ValueError(msg)
    outputs = []
    for index, item in enumerate(answer.outputs):
        about = (item.datatype, item.shape, item.name)
        data = (
            tensors.from_raw(memoryview(raws[index]), *about)
            if raws
            else tensors.from_message(item.contents, *about)
        )
        given = plain(parameters.read(item.parameters, f"output {item.name!r}"))
        outputs.append(
            Tensor(name=item.name, datatype=item.datatype, data=data, parameters=given)
        )
    rest = plain(parameters.read(answer.parameters, "the answer"))
    return InferResponse(outputs=tuple(outputs), parameters=rest)
