"""RPCs over a real channel, in the server's own messages."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np

from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from inferry_server import ModelServer

SERVICE = "inference.GRPCInferenceService"


class Asking:
    """Calls RPCs over *channel*."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel

    async def __call__(
        self,
        rpc: str,
        *,
        metadata: Any = None,
        seconds: float = 10,
        compression: grpc.Compression | None = None,
        **fields: Any,
    ) -> Any:
        """Call *rpc* with a message of *fields* and return its answer."""
        call = self.channel.unary_unary(f"/{SERVICE}/{rpc}")(
            message(f"{rpc}Request")(**fields).SerializeToString(),
            metadata=metadata,
            timeout=seconds,
            compression=compression,
        )
        return message(f"{rpc}Response").FromString(await call)

    async def infer(self, *tensors: dict[str, Any], **fields: Any) -> Any:
        """Infer with model ``m``, unless *fields* say otherwise."""
        fields.setdefault("model_name", "m")
        return await self("ModelInfer", inputs=tensors, **fields)

    def stream(self, **options: Any) -> Any:
        """Return an open stream of `ModelStreamInfer`."""
        return self.channel.stream_stream(
            f"/{SERVICE}/ModelStreamInfer",
            request_serializer=message("ModelInferRequest").SerializeToString,
            response_deserializer=message("ModelStreamInferResponse").FromString,
        )(**options)

    async def refusal(self, rpc: str, **fields: Any) -> grpc.aio.AioRpcError:
        """Call *rpc*, which must be refused, and return the error."""
        try:
            answer = await self(rpc, **fields)
        except grpc.aio.AioRpcError as error:
            return error
        raise AssertionError(f"{rpc} answered {answer}")


@asynccontextmanager
async def asking(server: ModelServer, **options: Any) -> AsyncIterator[Asking]:
    """Connect to *server*; *options* are of the channel."""
    async with grpc.aio.insecure_channel(
        f"127.0.0.1:{server.ports.grpc}", options=list(options.items())
    ) as channel:
        yield Asking(channel)


def tensor(name: str = "x", datatype: str = "INT32", **more: Any) -> dict[str, Any]:
    """Return an input with one value, unless *more* says otherwise."""
    more.setdefault("shape", [1])
    return {"name": name, "datatype": datatype, **more}


def typed(values: Iterable[int], name: str = "x") -> dict[str, Any]:
    """Return an INT32 input with typed contents."""
    values = list(values)
    contents = {"int_contents": values}
    return tensor(name, shape=[len(values)], contents=contents)


def numbers(response: Any, output: int = 0) -> list[int]:
    """Return the values of a raw INT32 output."""
    raw = response.raw_output_contents[output]
    return np.frombuffer(raw, np.int32).tolist()
