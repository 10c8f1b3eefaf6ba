"""Read the requests that a SavedModel brings to be warmed up with.

TensorFlow Serving's ``assets.extra/tf_serving_warmup_requests`` is a TFRecord file of
PredictionLog messages (prediction_log.proto and predict.proto of TensorFlow Serving;
only the fields on the way to the tensors are walked).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.framework import tensor_pb2

from inferry.errors import ModelLoadError
from inferry.model import InferRequest, Tensor
from inferry.runtime import tensors
from inferry.runtime.protobuf import fields
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "assets.extra/tf_serving_warmup_requests"
#: TensorFlow Serving refuses files of more.
MOST = 1000
_LARGEST = 256 * 2**20
_PREDICT_LOG, _REQUEST = 6, 1
_MODEL_SPEC, _INPUTS = 1, 2
_SIGNATURE_NAME = 3
_KEY, _VALUE = 1, 2
_HEADER, _FOOTER = 12, 4


def requests(folder: Path) -> tuple[InferRequest, ...]:
    """Return the predict requests that *folder*, a SavedModel's, brings.

    Raises:
        ModelLoadError: There are too many, or the file is no such file.

    """
    path = folder / FILE
    if not path.is_file():
        return ()
    if path.stat().st_size > _LARGEST:
        raise _unreadable(path.name, f"it has more than {_LARGEST >> 20} MiB")
    try:
        found = [each for record in _records(path) for each in _requests(record)]
    except (ValueError, TypeError, DecodeError, struct.error) as error:
        raise _unreadable(path.name, str(error)) from None
    if len(found) > MOST:
        raise _unreadable(path.name, f"it has {len(found)} requests, at most {MOST}")
    return tuple(found)


def _records(path: Path) -> Iterator[memoryview]:
    data = memoryview(path.read_bytes())
    position = 0
    while position < len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        position += _HEADER
        if position + length + _FOOTER > len(data):
            msg = "it is cut off"
            raise ValueError(msg)
        yield data[position : position + length]
        position += length + _FOOTER


def _requests(record: memoryview) -> Iterator[InferRequest]:
    for log in _within(record, _PREDICT_LOG):
        for request in _within(log, _REQUEST):
            yield _request(request)


def _request(data: memoryview) -> InferRequest:
    name = ""
    for spec in _within(data, _MODEL_SPEC):
        name = _text(spec, _SIGNATURE_NAME)
    return InferRequest(
        inputs=tuple(_tensor(each) for each in _within(data, _INPUTS)),
        parameters={"signature_name": name} if name else {},
        id="warm-up",
    )


def _tensor(entry: memoryview) -> Tensor:
    proto = tensor_pb2.TensorProto()
    for value in _within(entry, _VALUE):
        proto.ParseFromString(bytes(value))
    return tensors.tensor(_text(entry, _KEY), tf.make_ndarray(proto))


def _within(data: memoryview, number: int) -> Iterator[memoryview]:
    for key, value in fields(data):
        if key == number and not isinstance(value, int):
            yield value


def _text(data: memoryview, number: int) -> str:
    return next((bytes(each).decode() for each in _within(data, number)), "")


def _unreadable(name: str, why: str) -> ModelLoadError:
    return ModelLoadError(
        f"{name} cannot be read: {why}",
        reason=Reason.ModelCorrupt,
        remedy="write it again, or remove it",
    )
