"""What is asked of both servers, word for word the same.

No huge shape is among it: that ends the model inside Triton.
"""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from conformance import tensors
from tritonclient.grpc import service_pb2

from inferry.model import DATATYPES, Tensor
from inferry.testing.protocol import clients, wire

if TYPE_CHECKING:
    from collections.abc import Sequence

OCTETS = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}
PLAIN = {"Accept-Encoding": "identity"}
#: A request over HTTP: method, path, body, headers.
Request = tuple[str, str, bytes, dict[str, str]]


def get(path: str) -> Request:
    return ("GET", path, b"", PLAIN)


def post(path: str, document: Any, headers: dict[str, str] | None = None) -> Request:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ("POST", path, content, PLAIN | JSON | (headers or {}))


def infer(
    given: Sequence[Tensor],
    *,
    model: str = "echo",
    version: str = "",
    binary: bool = False,
    headers: dict[str, str] | None = None,
    **rest: Any,
) -> Request:
    # KServe answers 500 where JSON is asked for without an id; that is a case of its
    # own and not in the way of the others.
    rest = {"id": "case", **rest}
    body = wire.body(given, binary=binary, **rest)
    path = f"/v2/models/{model}{version}/infer"
    return ("POST", path, body.content, {**PLAIN, **body.headers, **(headers or {})})


def tensor(datatype: str, shape: tuple[int, ...] = (2, 3)) -> Tensor:
    made = tensors.utf8(tensors.sample(datatype, shape))
    return Tensor(name=datatype, datatype=datatype, data=made.data)


VALUES = Tensor(
    name="values", datatype="FP32", data=np.array([[1, 2], [3, 4.5]], "float32")
)
TEXTS = Tensor(
    name="texts",
    datatype="BYTES",
    data=wire.objects([b"one", "zwölf".encode()], (2, 1)),
)
BLOB = Tensor(name="BYTES", datatype="BYTES", data=wire.objects([b"\xff\x00"], (1, 1)))
OUT = {"binary_data_output": True}
X = wire.document([tensor("FP32")])["inputs"][0]


def changed(**changes: Any) -> Request:
    """Return a request with one input that is good but for *changes*."""
    kept = {key: value for key, value in (X | changes).items() if value is not None}
    return post("/v2/models/echo/infer", {"id": "case", "inputs": [kept]})


def header(text: str) -> Request:
    """Return a binary request whose header says *text*."""
    return infer([tensor("FP32")], binary=True, headers={wire.HEADER_LENGTH: text})


def cut(by: int) -> Request:
    """Return a binary request with *by* bytes more or less than it says."""
    method, path, content, headers = infer([tensor("FP32")], binary=True)
    content = content[:by] if by < 0 else content + b"\0" * by
    return (method, path, content, headers)


def unnamed(given: Request) -> Request:
    """Return *given* without the id of the others."""
    return (*given[:2], given[2].replace(b'"id": "case"', b'"x": 1'), given[3])


HTTP: dict[str, Request] = {
    "live": get("/v2/health/live"),
    "ready": get("/v2/health/ready"),
    "server metadata": get("/v2"),
    "model metadata": get("/v2/models/typed"),
    "model metadata of a version": get("/v2/models/typed/versions/1"),
    "model ready": get("/v2/models/typed/ready"),
    "version ready": get("/v2/models/typed/versions/1/ready"),
    "config": get("/v2/models/typed/config"),
    "statistics": get("/v2/models/typed/stats"),
    "index": post("/v2/repository/index", b""),
    "unknown path": get("/nothing"),
    "unknown model": get("/v2/models/nobody"),
    "unknown model ready": get("/v2/models/nobody/ready"),
    "unknown version": get("/v2/models/typed/versions/9"),
    "unknown version ready": get("/v2/models/typed/versions/9/ready"),
    "typed json": infer([VALUES, TEXTS], model="typed"),
    "typed binary": infer([VALUES, TEXTS], model="typed", binary=True, parameters=OUT),
    "version": infer([VALUES, TEXTS], model="typed", version="/versions/1"),
    "inputs in another order": infer([TEXTS, VALUES], model="typed"),
    "one output": infer([VALUES, TEXTS], model="typed", outputs=[{"name": "texts"}]),
    "outputs in another order": infer(
        [VALUES, TEXTS], model="typed", outputs=[{"name": "texts"}, {"name": "values"}]
    ),
    "one output binary": infer(
        [VALUES, TEXTS],
        model="typed",
        outputs=[
            {"name": "values", "parameters": {"binary_data": True}},
            {"name": "texts"},
        ],
    ),
    "output json against all binary": infer(
        [VALUES, TEXTS],
        model="typed",
        outputs=[{"name": "values", "parameters": {"binary_data": False}}],
        parameters=OUT,
    ),
    "without an id": unnamed(infer([VALUES, TEXTS], model="typed")),
    "without an id, binary": unnamed(
        infer([VALUES, TEXTS], model="typed", parameters=OUT)
    ),
    "without a content type": (
        *infer([VALUES, TEXTS], model="typed")[:3],
        PLAIN,
    ),
    "with a charset": infer(
        [VALUES, TEXTS],
        model="typed",
        headers={"Content-Type": "application/json; charset=utf-8"},
    ),
    "gzip": (
        *infer([VALUES, TEXTS], model="typed")[:2],
        gzip.compress(infer([VALUES, TEXTS], model="typed")[2]),
        PLAIN | JSON | {"Content-Encoding": "gzip"},
    ),
    "bytes that are no text": infer([BLOB], binary=True, parameters=OUT),
    "a parameter that means nothing": infer(
        [VALUES, TEXTS], model="typed", parameters={"note": "x", "level": 3}
    ),
    "nested data": post(
        "/v2/models/echo/infer",
        {"id": "case", "inputs": [X | {"data": tensor("FP32").data.tolist()}]},
    ),
    "infer: unknown model": infer([VALUES], model="nobody"),
    "infer: unknown version": infer(
        [VALUES, TEXTS], model="typed", version="/versions/9"
    ),
    "infer: no JSON": post("/v2/models/echo/infer", b"{nope"),
    "infer: empty": post("/v2/models/echo/infer", b""),
    "infer: a list": post("/v2/models/echo/infer", b"[]"),
    "infer: no inputs": post("/v2/models/typed/infer", {"id": "case", "inputs": []}),
    "infer: inputs missing": post("/v2/models/typed/infer", {"id": "case"}),
    "infer: one input missing": infer([VALUES], model="typed"),
    "infer: an input too many": infer([VALUES, TEXTS, tensor("INT8")], model="typed"),
    "infer: a misspelt input": infer(
        [Tensor(name="value", datatype="FP32", data=VALUES.data), TEXTS], model="typed"
    ),
    "infer: unknown output": infer(
        [VALUES, TEXTS], model="typed", outputs=[{"name": "zz"}]
    ),
    "infer: another datatype": infer(
        [Tensor(name="values", datatype="FP64", data=VALUES.data.astype("f8")), TEXTS],
        model="typed",
    ),
    "infer: another rank": infer(
        [Tensor(name="values", datatype="FP32", data=VALUES.data[0]), TEXTS],
        model="typed",
    ),
    "infer: another shape": infer(
        [Tensor(name="values", datatype="FP32", data=VALUES.data[:, :1]), TEXTS],
        model="typed",
    ),
    "infer: unknown datatype": changed(datatype="FP128"),
    "infer: no datatype": changed(datatype=None),
    "infer: no shape": changed(shape=None),
    "infer: no data": changed(data=None),
    "infer: too few elements": changed(data=[1.0]),
    "infer: too many elements": changed(data=[1.0] * 7),
    "infer: negative dimension": changed(shape=[-1, 3]),
    "infer: texts for numbers": changed(data=["a"] * 6),
    "infer: header is no number": header("abc"),
    "infer: header is negative": header("-1"),
    "infer: header past the end": header("100000"),
    "infer: a byte too few": cut(-1),
    "infer: a byte too many": cut(1),
    "infer: binary without the header": (
        *infer([tensor("FP32")], binary=True)[:3],
        PLAIN | OCTETS,
    ),
}
for _name in DATATYPES:
    if _name not in wire.RAW_ONLY:
        HTTP[f"{_name} json"] = infer([tensor(_name)])
        HTTP[f"{_name} json to binary"] = infer([tensor(_name)], parameters=OUT)
        HTTP[f"{_name} binary to json"] = infer([tensor(_name)], binary=True)
        HTTP[f"{_name} json, empty"] = infer([tensor(_name, (0, 3))])
    HTTP[f"{_name} binary"] = infer([tensor(_name)], binary=True, parameters=OUT)
    HTTP[f"{_name} binary, empty"] = infer(
        [tensor(_name, (0, 3))], binary=True, parameters=OUT
    )


def message(*given: Tensor, raw: bool = True, model: str = "echo", **rest: Any) -> Any:
    return clients.message(model, given, raw=raw, **rest)


def spoilt(change: Any) -> Any:
    request = message(tensor("FP32"))
    change(request)
    return request


#: name -> the method of the service and its message.
GRPC: dict[str, tuple[str, Any]] = {
    "live": ("ServerLive", service_pb2.ServerLiveRequest()),
    "ready": ("ServerReady", service_pb2.ServerReadyRequest()),
    "model ready": ("ModelReady", service_pb2.ModelReadyRequest(name="typed")),
    "unknown model ready": ("ModelReady", service_pb2.ModelReadyRequest(name="nobody")),
    "server metadata": ("ServerMetadata", service_pb2.ServerMetadataRequest()),
    "model metadata": ("ModelMetadata", service_pb2.ModelMetadataRequest(name="typed")),
    "unknown metadata": (
        "ModelMetadata",
        service_pb2.ModelMetadataRequest(name="nobody"),
    ),
    "config": ("ModelConfig", service_pb2.ModelConfigRequest(name="typed")),
    "statistics": (
        "ModelStatistics",
        service_pb2.ModelStatisticsRequest(name="typed"),
    ),
    "index": ("RepositoryIndex", service_pb2.RepositoryIndexRequest()),
    "typed": ("ModelInfer", message(VALUES, TEXTS, model="typed", raw=False)),
    "raw": ("ModelInfer", message(VALUES, TEXTS, model="typed", id="a")),
    "one output": (
        "ModelInfer",
        message(VALUES, TEXTS, model="typed", outputs=["texts"]),
    ),
    "unknown model": ("ModelInfer", message(VALUES, model="nobody")),
    "unknown version": (
        "ModelInfer",
        message(VALUES, TEXTS, model="typed", model_version="9"),
    ),
    "unknown output": (
        "ModelInfer",
        message(VALUES, TEXTS, model="typed", outputs=["z"]),
    ),
    "one input missing": ("ModelInfer", message(VALUES, model="typed")),
    "another datatype": (
        "ModelInfer",
        message(
            Tensor(name="values", datatype="FP64", data=VALUES.data.astype("f8")),
            TEXTS,
            model="typed",
        ),
    ),
    "a byte too many": (
        "ModelInfer",
        spoilt(
            lambda r: r.raw_input_contents.append(r.raw_input_contents.pop() + b"\0")
        ),
    ),
    "raw beside typed": (
        "ModelInfer",
        spoilt(lambda r: r.inputs[0].contents.fp32_contents.append(1.0)),
    ),
    "too many raw contents": (
        "ModelInfer",
        spoilt(lambda r: r.raw_input_contents.append(b"")),
    ),
    "negative dimension": (
        "ModelInfer",
        spoilt(lambda r: r.inputs[0].shape.__setitem__(0, -1)),
    ),
    "unknown datatype": (
        "ModelInfer",
        spoilt(lambda r: setattr(r.inputs[0], "datatype", "FP128")),
    ),
}
for _name in DATATYPES:
    GRPC[f"{_name} raw"] = ("ModelInfer", message(tensor(_name)))
    GRPC[f"{_name} raw, empty"] = ("ModelInfer", message(tensor(_name, (0, 3))))
    if _name not in wire.RAW_ONLY:
        GRPC[f"{_name} typed"] = ("ModelInfer", message(tensor(_name), raw=False))
