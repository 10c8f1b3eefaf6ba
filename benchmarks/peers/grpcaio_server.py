"""The limit of gRPC in Python: a grpc.aio method that answers constant bytes."""

from __future__ import annotations

import argparse
from typing import Any

import grpc
import uvloop

SERVICE = "inference.GRPCInferenceService"


async def infer(request: bytes, context: Any) -> bytes:  # noqa: ANN401 - grpc's own
    """Answer nothing: an empty message is a valid one."""
    del request, context
    return b""


async def serve(port: int) -> None:
    """Serve until killed."""
    server = grpc.aio.server()
    handler = grpc.unary_unary_rpc_method_handler(infer)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"ModelInfer": handler}),)
    )
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--grpc-port", type=int, required=True)
    uvloop.run(serve(parser.parse_args().grpc_port))


if __name__ == "__main__":
    main()
