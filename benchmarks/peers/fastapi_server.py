"""The V2 protocol's JSON as a team writes it: FastAPI, pydantic models, async def."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

NUMPY = {"FP32": np.float32, "INT64": np.int64, "BYTES": np.object_}
DATATYPES = {
    "tensor(int64)": "INT64",
    "tensor(float)": "FP32",
    "tensor(string)": "BYTES",
}


class Tensor(BaseModel):
    """One input or output."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]


class InferRequest(BaseModel):
    """The body of a V2 request."""

    id: str | None = None
    inputs: list[Tensor]


class InferResponse(BaseModel):
    """The body of a V2 answer."""

    model_name: str
    outputs: list[Tensor]


def build(folder: Path) -> FastAPI:
    """Return the application that serves each ``NAME/model.onnx`` of *folder*."""
    app = FastAPI()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    sessions = {
        file.parent.name: onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
        for file in folder.glob("*/model.onnx")
    }

    @app.get("/v2/health/live")
    async def live() -> dict[str, bool]:
        return {"live": True}

    @app.post("/v2/models/{name}/infer")
    async def infer(name: str, request: InferRequest) -> InferResponse:
        session = sessions[name]
        feed = {
            tensor.name: np.array(tensor.data, NUMPY[tensor.datatype]).reshape(
                tensor.shape
            )
            for tensor in request.inputs
        }
        values = session.run(None, feed)
        outputs = [
            Tensor(
                name=node.name,
                shape=list(value.shape),
                datatype=DATATYPES[node.type],
                data=value.ravel().tolist(),
            )
            for node, value in zip(session.get_outputs(), values, strict=True)
        ]
        return InferResponse(model_name=name, outputs=outputs)

    return app


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    arguments = parser.parse_args()
    uvicorn.run(
        build(arguments.models),
        host="127.0.0.1",
        port=arguments.http_port,
        log_level="warning",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )


if __name__ == "__main__":
    main()
