"""Ask one model in every way, then by many clients at once.

``python ask.py 127.0.0.1:8080 127.0.0.1:8081``: the addresses of HTTP and of gRPC.
"""

from __future__ import annotations

import asyncio
import sys

import httpx
import numpy as np
import tritonclient.grpc
import tritonclient.http

FLOWERS = np.array([[5.1, 3.5, 1.4, 0.2], [6.8, 2.8, 4.8, 1.4]], np.float32)
CLIENTS = 64


def ask_v1(address: str) -> list[str]:
    """POST rows as JSON, as KServe's first protocol has them."""
    body = {"instances": FLOWERS.tolist()}
    answer = httpx.post(f"http://{address}/v1/models/iris:predict", json=body)
    answer.raise_for_status()
    return [row["label"] for row in answer.json()["predictions"]]


def ask_v2(address: str) -> list[str]:
    """POST a tensor as JSON, and choose one of the outputs."""
    tensor = {
        "name": "measurements",
        "datatype": "FP32",
        "shape": FLOWERS.shape,
        "data": FLOWERS.ravel().tolist(),
    }
    body = {"inputs": [tensor], "outputs": [{"name": "label"}]}
    answer = httpx.post(f"http://{address}/v2/models/iris/infer", json=body)
    answer.raise_for_status()
    return answer.json()["outputs"][0]["data"]


def ask_binary(address: str) -> list[str]:
    """Send a tensor as raw bytes over HTTP, by Triton's client."""
    tensor = tritonclient.http.InferInput("measurements", FLOWERS.shape, "FP32")
    tensor.set_data_from_numpy(FLOWERS)
    with tritonclient.http.InferenceServerClient(address) as client:
        answer = client.infer("iris", [tensor])
    return [label.decode() for label in answer.as_numpy("label")]


def ask_grpc(address: str) -> list[str]:
    """Send the same over gRPC."""
    tensor = tritonclient.grpc.InferInput("measurements", FLOWERS.shape, "FP32")
    tensor.set_data_from_numpy(FLOWERS)
    with tritonclient.grpc.InferenceServerClient(address) as client:
        answer = client.infer("iris", [tensor])
    return [label.decode() for label in answer.as_numpy("label")]


async def ask_together(address: str) -> None:
    """Be many clients at once, each with one flower."""
    body = {"instances": FLOWERS[:1].tolist()}
    url = f"http://{address}/v1/models/iris:predict"
    async with httpx.AsyncClient() as client:
        asking = [client.post(url, json=body) for _ in range(CLIENTS)]
        for answer in await asyncio.gather(*asking):
            answer.raise_for_status()


def counts(address: str) -> tuple[int, int]:
    """Return how many rows the model has answered, and in how many calls."""
    answer = httpx.get(f"http://{address}/v2/models/iris/stats").raise_for_status()
    stats = answer.json()["model_stats"][0]
    return stats["inference_count"], stats["execution_count"]


def main(http: str, grpc: str) -> None:
    """Print what each way answers, and how well many requests were merged."""
    print("V1, JSON:          ", *ask_v1(http))
    print("V2, JSON:          ", *ask_v2(http))
    print("V2, raw bytes:     ", *ask_binary(http))
    print("gRPC, raw bytes:   ", *ask_grpc(grpc))
    rows_before, calls_before = counts(http)
    asyncio.run(ask_together(http))
    rows, calls = counts(http)
    print(
        f"{CLIENTS} clients at once: {rows - rows_before} rows in "
        f"{calls - calls_before} calls of the model"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
