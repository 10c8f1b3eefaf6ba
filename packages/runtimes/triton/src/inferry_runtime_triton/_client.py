"""Triton over gRPC, as the model itself asks it; safe in many threads at once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import grpc
from tritonclient.grpc import service_pb2, service_pb2_grpc

from inferry.errors import (
    InferenceError,
    InvalidInput,
    ModelError,
    ModelNotFound,
    ModelNotReady,
    Overloaded,
)
from inferry.model import (
    InferRequest,
    InferResponse,
    ModelMetadata,
    Tensor,
    TensorSpec,
)
from inferry_runtime_triton import _tensors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SECONDS = 10.0
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.max_reconnect_backoff_ms", 500),
    # One who asks two servers of one address, one after the other, asks the second.
    ("grpc.use_local_subchannel_pool", 1),
)
_CODES: Mapping[Any, type[ModelError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInput,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidInput,
    grpc.StatusCode.OUT_OF_RANGE: InvalidInput,
    grpc.StatusCode.UNIMPLEMENTED: InvalidInput,
    grpc.StatusCode.NOT_FOUND: ModelNotFound,
    grpc.StatusCode.UNAVAILABLE: ModelNotReady,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Overloaded,
}
_FINAL = "triton_final_response"
_WANTS_FINAL = "triton_enable_empty_final_response"
_LONGEST = 1000


class Client:
    """Asks the Triton at *address*; *key* opens what it restricts."""

    def __init__(self, address: str, key: tuple[tuple[str, str], ...] = ()) -> None:
        self._channel = grpc.insecure_channel(address, _OPTIONS)
        self._stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)
        self._key = key

    def close(self) -> None:
        """Close the connection; what is in flight fails."""
        self._channel.close()

    def is_live(self, seconds: float = 1.0) -> bool:
        """Whether the server answers."""
        try:
            request = service_pb2.ServerLiveRequest()
            return bool(self._stub.ServerLive(request, timeout=seconds).live)
        except grpc.RpcError:
            return False

    def is_ready(self, model: str, seconds: float = 1.0) -> bool:
        """Whether *model* answers there."""
        try:
            request = service_pb2.ModelReadyRequest(name=model)
            return bool(self._stub.ModelReady(request, timeout=seconds).ready)
        except grpc.RpcError:
            return False

    def names(self) -> dict[str, str]:
        """Return the models that the server knows, each with its state.

        Raises:
            ModelError: It does not say.

        """
        index = self._ask("RepositoryIndex", service_pb2.RepositoryIndexRequest())
        return {each.name: each.state for each in index.models}

    def load(self, model: str, seconds: float | None = None) -> None:
        """Load *model*.

        Raises:
            ModelError: With what Triton says.

        """
        request = service_pb2.RepositoryModelLoadRequest(model_name=model)
        self._ask("RepositoryModelLoad", request, seconds)

    def unload(self, model: str) -> None:
        """Unload *model*, which calls its ``finalize``.

        Raises:
            ModelError: With what Triton says.

        """
        request = service_pb2.RepositoryModelUnloadRequest(model_name=model)
        self._ask("RepositoryModelUnload", request)

    def metadata(self, model: str) -> ModelMetadata:
        """Return the signature of *model*.

        Raises:
            ModelError: The server does not know it.

        """
        request = service_pb2.ModelMetadataRequest(name=model)
        told = self._ask("ModelMetadata", request)
        return ModelMetadata(
            inputs=tuple(map(_spec, told.inputs)),
            outputs=tuple(map(_spec, told.outputs)),
            platform=told.platform,
            versions=tuple(told.versions),
        )

    def is_decoupled(self, model: str) -> bool:
        """Whether *model* gives any number of answers to one request.

        Raises:
            ModelError: The server does not know it.

        """
        told = self._ask("ModelConfig", service_pb2.ModelConfigRequest(name=model))
        return bool(told.config.model_transaction_policy.decoupled)

    def infer(self, model: str, request: InferRequest) -> InferResponse:
        """Return the answer of *model* to *request*.

        Raises:
            ModelError: There is none.

        """
        seconds = _left(request.deadline)
        return _response(self._ask("ModelInfer", _message(model, request), seconds))

    def stream(self, model: str, request: InferRequest) -> Iterator[InferResponse]:
        """Yield the answers of *model* to *request*.

        Raises:
            ModelError: It fails, before or between answers.

        """
        message = _message(model, request)
        message.parameters[_WANTS_FINAL].bool_param = True
        call = self._stub.ModelStreamInfer(
            iter((message,)), timeout=_left(request.deadline)
        )
        try:
            for told in call:
                if told.error_message:
                    raise InferenceError(told.error_message[:_LONGEST])
                answer = told.infer_response
                if answer.outputs:
                    yield _response(answer)
                # Triton ends the stream; 2.51 may abort where one that is over is
                # cancelled.
        except grpc.RpcError as error:
            raise refused(error) from None
        finally:
            call.cancel()

    def _ask(self, rpc: str, message: Any, seconds: float | None = _SECONDS) -> Any:  # noqa: ANN401 - messages
        try:
            return getattr(self._stub, rpc)(
                message, timeout=seconds, metadata=self._key
            )
        except grpc.RpcError as error:
            raise refused(error) from None


def refused(error: Any) -> ModelError:  # noqa: ANN401 - a call of gRPC that failed
    """Return what an *error* of Triton is here."""
    # Below "At:" is where in the model's files, which is for its log.
    details = str(error.details()).partition("\n\nAt:")[0]
    text = " ".join(details.split())[:_LONGEST]
    if error.code() == grpc.StatusCode.DEADLINE_EXCEEDED:
        return InferenceError("Triton did not answer in time")
    return _CODES.get(error.code(), InferenceError)(text)


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _spec(told: Any) -> TensorSpec:  # noqa: ANN401 - a message
    return TensorSpec(name=told.name, datatype=told.datatype, shape=tuple(told.shape))


def _message(model: str, request: InferRequest) -> Any:  # noqa: ANN401 - a message
    made = service_pb2.ModelInferRequest(
        model_name=model,
        model_version=request.model_version or "",
        id=request.id or "",
    )
    for name, value in request.parameters.items():
        _set(made.parameters[name], value)
    for tensor in request.inputs:
        given = made.inputs.add(
            name=tensor.name, datatype=tensor.datatype, shape=tensor.data.shape
        )
        for name, value in tensor.parameters.items():
            _set(given.parameters[name], value)
        made.raw_input_contents.append(_tensors.to_bytes(tensor))
    for name in request.outputs:
        made.outputs.add(name=name)
    return made


def _set(parameter: Any, value: object) -> None:  # noqa: ANN401 - a message
    match value:
        case bool():
            parameter.bool_param = value
        case int():
            parameter.int64_param = value
        case float():
            parameter.double_param = value
        case _:
            parameter.string_param = str(value)


def _response(told: Any) -> InferResponse:  # noqa: ANN401 - a message
    return InferResponse(
        outputs=tuple(_outputs(told)),
        parameters={
            name: getattr(value, value.WhichOneof("parameter_choice"))
            for name, value in told.parameters.items()
            if name != _FINAL and value.WhichOneof("parameter_choice")
        },
    )


def _outputs(told: Any) -> Iterator[Tensor]:  # noqa: ANN401 - a message
    for output, raw in zip(told.outputs, told.raw_output_contents, strict=True):
        yield _tensors.from_bytes(output.name, output.datatype, output.shape, raw)
