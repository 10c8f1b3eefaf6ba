"""One inference over gRPC, with Triton's client and with bare messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import tritonclient.grpc.aio as triton

if TYPE_CHECKING:
    from serving import Serve, SpecOf


async def test_a_tensor_comes_back_as_it_went(serve: Serve, spec: SpecOf) -> None:
    sent = np.random.default_rng(0).random((2, 3, 64, 64), np.float32)
    async with serve(spec("Echo"), grpc_port=0) as (server, _):
        async with triton.InferenceServerClient(
            f"127.0.0.1:{server.ports.grpc}"
        ) as client:
            tensor = triton.InferInput("x", list(sent.shape), "FP32")
            tensor.set_data_from_numpy(sent)
            result = await client.infer("m", [tensor], request_id="7")
    assert result.get_response().id == "7"
    np.testing.assert_array_equal(result.as_numpy("x"), sent)
