"""What is asked, and the only right answers: the same bytes for every server."""

from __future__ import annotations

import array
import json
import math
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from data_plane import wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

IRIS_ROW = (6.8, 2.8, 4.8, 1.4)
IRIS_LABEL = 1
CHANNELS, SIDE = 3, 224
TEXT = (b"The quick brown fox jumps over the lazy dog; " * 1457)[: 64 * 1024]
_LENGTH = "inference-header-content-length"


class WrongAnswerError(Exception):
    """A server answered, but not what the model gives."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request of the load, and the check of its answer."""

    name: str
    path: str
    body: bytes
    check: Callable[[Mapping[str, str], bytes], None]
    headers: Mapping[str, str] = field(default_factory=dict)
    grpc: bool = False


def all_requests(probabilities: tuple[float, ...]) -> dict[str, Request]:
    """Return every request by name; *probabilities* are iris' right ones."""
    image = _image()
    means = _means(image)
    made = [
        _iris_v2(probabilities),
        _iris_v1(probabilities),
        *_images(image, means),
        *_texts(),
        _grpc_iris(probabilities),
        _grpc_image(image, means),
        _grpc_text(),
    ]
    return {request.name: request for request in made}


def _iris_v2(probabilities: tuple[float, ...]) -> Request:
    return Request(
        name="iris",
        path="/v2/models/iris/infer",
        headers={"content-type": "application/json"},
        body=_json_body("input", [1, 4], "FP32", list(IRIS_ROW)),
        check=lambda _, body: _same_iris(_outputs(body), probabilities),
    )


def _iris_v1(probabilities: tuple[float, ...]) -> Request:
    def check(_: Mapping[str, str], body: bytes) -> None:
        (row,) = json.loads(body)["predictions"]
        outputs = {"label": [row["label"]], "probabilities": row["probabilities"]}
        _same_iris(outputs, probabilities)

    return Request(
        name="v1",
        path="/v1/models/iris:predict",
        headers={"content-type": "application/json"},
        body=json.dumps({"instances": [IRIS_ROW]}, separators=(",", ":")).encode(),
        check=check,
    )


def _images(image: array.array[float], means: list[float]) -> list[Request]:
    shape = [1, CHANNELS, SIDE, SIDE]
    return [
        Request(
            name="img.bin",
            path="/v2/models/img/infer",
            **_binary("image", shape, "FP32", "mean", image.tobytes()),
            check=lambda headers, body: _close(
                struct.unpack(f"<{CHANNELS}f", _tail(headers, body)), means
            ),
        ),
        Request(
            name="img.json",
            path="/v2/models/img/infer",
            headers={"content-type": "application/json"},
            body=_json_body("image", shape, "FP32", [round(x, 6) for x in image]),
            check=lambda _, body: _close(_outputs(body)["mean"], means),
        ),
    ]


def _texts() -> list[Request]:
    element = len(TEXT).to_bytes(4, "little") + TEXT
    return [
        Request(
            name="text.json",
            path="/v2/models/text/infer",
            headers={"content-type": "application/json"},
            body=_json_body("text", [1], "BYTES", [TEXT.decode()]),
            check=lambda _, body: _equal(_outputs(body)["echo"], [TEXT.decode()]),
        ),
        Request(
            name="text.bin",
            path="/v2/models/text/infer",
            **_binary("text", [1], "BYTES", "echo", element),
            check=lambda headers, body: _equal(_tail(headers, body), element),
        ),
    ]


def _grpc_iris(probabilities: tuple[float, ...]) -> Request:
    def check(_: Mapping[str, str], message: bytes) -> None:
        found = wire.tensors(message)
        outputs = {
            "label": list(struct.unpack("<q", found["label"])),
            "probabilities": list(struct.unpack("<3f", found["probabilities"])),
        }
        _same_iris(outputs, probabilities)

    body = wire.infer_request("iris", "input", "FP32", [1, 4], floats=IRIS_ROW)
    return Request(name="grpc.iris", path=wire.INFER, body=body, check=check, grpc=True)


def _grpc_image(image: array.array[float], means: list[float]) -> Request:
    shape = [1, CHANNELS, SIDE, SIDE]
    return Request(
        name="grpc.img",
        path=wire.INFER,
        body=wire.infer_request("img", "image", "FP32", shape, raw=image.tobytes()),
        check=lambda _, message: _close(
            struct.unpack("<3f", wire.tensors(message)["mean"]), means
        ),
        grpc=True,
    )


def _grpc_text() -> Request:
    element = len(TEXT).to_bytes(4, "little") + TEXT
    return Request(
        name="grpc.text",
        path=wire.INFER,
        body=wire.infer_request("text", "text", "BYTES", [1], raw=element),
        check=lambda _, message: _equal(wire.tensors(message)["echo"], element),
        grpc=True,
    )


def _image() -> array.array[float]:
    """Return an image of numbers that are all different and have six decimals."""
    count = CHANNELS * SIDE * SIDE
    return array.array("f", (round((n * 7919 % 100003) / 1e5, 6) for n in range(count)))


def _means(image: array.array[float]) -> list[float]:
    size = SIDE * SIDE
    return [
        math.fsum(image[at : at + size]) / size for at in range(0, len(image), size)
    ]


def _json_body(name: str, shape: list[int], datatype: str, data: list[Any]) -> bytes:
    tensor = {"name": name, "shape": shape, "datatype": datatype, "data": data}
    return json.dumps({"inputs": [tensor]}, separators=(",", ":")).encode()


def _binary(
    name: str, shape: list[int], datatype: str, output: str, data: bytes
) -> dict[str, Any]:
    """Return body and headers of the binary tensor extension, both ways."""
    tensor = {
        "name": name,
        "shape": shape,
        "datatype": datatype,
        "parameters": {"binary_data_size": len(data)},
    }
    wanted = {"name": output, "parameters": {"binary_data": True}}
    head = json.dumps({"inputs": [tensor], "outputs": [wanted]}).encode()
    headers = {"content-type": "application/octet-stream", _LENGTH: str(len(head))}
    return {"body": head + data, "headers": headers}


def _tail(headers: Mapping[str, str], body: bytes) -> bytes:
    if _LENGTH not in headers:
        raise WrongAnswerError("the answer has no binary part")
    return body[int(headers[_LENGTH]) :]


def _outputs(body: bytes) -> dict[str, list[Any]]:
    """Return the data of each output, flat, whatever nesting a server writes."""
    return {
        output["name"]: list(_flat(output["data"]))
        for output in json.loads(body)["outputs"]
    }


def _flat(data: Any) -> Any:  # noqa: ANN401 - numbers or strings, nested
    for item in data:
        if isinstance(item, list):
            yield from _flat(item)
        else:
            yield item


def _same_iris(outputs: dict[str, list[Any]], right: tuple[float, ...]) -> None:
    _equal([int(label) for label in outputs["label"]], [IRIS_LABEL])
    _close(outputs["probabilities"], right)


def _close(found: Any, right: Any) -> None:  # noqa: ANN401 - sequences of numbers
    pairs = zip(found, right, strict=False)
    if len(found) != len(right) or any(abs(a - b) > 1e-4 for a, b in pairs):
        raise WrongAnswerError(f"{list(found)[:4]} instead of {list(right)[:4]}")


def _equal(found: object, right: object) -> None:
    if found != right:
        raise WrongAnswerError(f"{found!r:.80} instead of {right!r:.80}")
