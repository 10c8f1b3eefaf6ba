"""Models that run code when they are loaded, under honest names and others."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib
from typing import TYPE_CHECKING, Any

from inferry.storage import UnsafeFormat
from inferry_storage.testing._model import BadModel, one
from inferry_storage.testing._packing import Zip, tar, tar_member
from inferry_storage.testing._pickles import HARMFUL, computed, encodings

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMES = ("model.pkl", "model.joblib", "weights.bin", "model.pt", "model.onnx", "data")
_EVERY = 8
_EACH = 3
_CALL = b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00id\x85R."
_OLD = b"cos\nsystem\n(S'id'\ntR."
_HDF5 = b"\x89HDF\r\n\x1a\n"


def bad_code() -> Iterator[BadModel]:
    """Yield pickles in every way and in every wrapping, and what else runs code."""
    for index, (module, name) in enumerate(HARMFUL):
        ways = list(encodings(module, name))
        # Every way for some names, and some ways for every name.
        chosen = ways if index % _EVERY == 0 else ways[index % len(ways) :][:_EACH]
        for turn, (way, data) in enumerate(chosen):
            path = _NAMES[(index + turn) % len(_NAMES)]
            yield _code(f"{module}.{name} by {way}", path, data)
    for way, data in computed():
        yield _code(way, "model.bin", data)
    for payload, what in ((_CALL, "a pickle"), (_OLD, "an old pickle")):
        for how, path, data in _wrapped(payload):
            yield _code(f"{what} in {how}", path, data)
    yield from _files_of_code()
    yield from _configurations()
    yield from _keras()
    yield from _onnx()


def _code(name: str, path: str, data: bytes) -> BadModel:
    return one("code", f"code: {name}", path, data, UnsafeFormat)


def _wrapped(payload: bytes) -> Iterator[tuple[str, str, bytes]]:
    yield "gzip", "model.pkl.gz", gzip.compress(payload, mtime=0)
    yield "zlib", "model.joblib", zlib.compress(payload)
    yield "zlib, fast", "model.bin", zlib.compress(payload, 1)
    yield "bzip2", "model.joblib", bz2.compress(payload)
    yield "xz", "weights.dat", lzma.compress(payload)
    yield "lzma", "model.joblib", lzma.compress(payload, lzma.FORMAT_ALONE)
    yield "gzip in gzip", "m", gzip.compress(gzip.compress(payload, mtime=0), mtime=0)
    yield "lz4", "model.joblib", b"\x04\x22\x4d\x18" + payload
    yield "joblib's old way", "model.joblib", b"ZF0x10" + zlib.compress(payload)
    yield "broken gzip", "model.pkl", gzip.compress(payload + bytes(99), mtime=0)[:-9]
    tensors = Zip().add(b"m/data.pkl", payload).add(b"m/data/0", bytes(64))
    yield "PyTorch's zip", "model.pt", tensors.done()
    yield "a zip of another name", "model.safetensors", tensors.done()
    packed = Zip().add(b"data.pkl", payload, method=8).done()
    yield "a packed zip", "pytorch_model.bin", packed
    yield (
        "a zip with a wrong sum",
        "m.pt",
        Zip().add(b"d.pkl", payload, said={"crc": 1}).done(),
    )
    yield "a zip behind text", "m.pt", tensors.done(before=b"#!/bin/sh\n")
    yield "an encrypted zip", "m.pt", Zip().add(b"d.pkl", payload, flags=1).done()
    renamed = Zip().add(b"d.txt", payload, local_name=b"d.pkl")
    yield "a zip of two minds", "m.pt", renamed.done()
    inner = Zip().add(b"inner.zip", packed).done()
    yield "a zip in a zip", "m.pt", inner
    yield "a member of no kind", "m.npz", Zip().add(b"weights", payload).done()
    archive = tar(tar_member("weights.ckpt", payload))
    yield "a tar", "model.nemo", archive
    yield "a packed tar", "model.tar.gz", gzip.compress(archive, mtime=0)
    yield "a tar in a zip", "m.zip", Zip().add(b"a.tar", archive).done()
    yield "a damaged tar", "m.nemo", archive[:512] + b"junk" * 256
    for descr in ("'|O'", "'object'", "'O8'", "[('a','<f4'),('b','|O')]", "broken("):
        yield f"an array of {descr}", "weights.npy", _array(descr) + payload
    objects = Zip().add(b"arr_0.npy", _array("'|O'") + payload).done()
    yield "arrays", "weights.npz", objects
    script = Zip().add(b"m/constants.pkl", b"\x80\x02).").add(b"m/code/a.py", b"pass")
    yield "TorchScript", "m.pt", script.add(b"m/data.pkl", payload).done()


def _array(descr: str) -> bytes:
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,)}}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def _files_of_code() -> Iterator[BadModel]:
    for path in ("model.py", "in/handler.PY", "ops.so", "ops.so.1", "a.pyc", "b.dylib"):
        yield _code(f"the file {path}", path, b"pass")
    yield _code("a library of another name", "weights.bin", b"\x7fELF\x02\x01\x01")
    yield _code("an archive of a handler", "m.mar", Zip().add(b"h.py", b"pass").done())
    yield _code("a pickle of no pickle", "model.pkl", b"neither here nor there")
    yield _code(
        "a saved model", "saved_model.pb", b"\x0a\x09\x12\x09WriteFile\x1a\x01x"
    )


def _configurations() -> Iterator[BadModel]:
    code: dict[str, Any] = {"AutoModel": "modeling.Model"}
    other = {"AutoModel": "someone/repository--modeling.Model"}
    for path in ("config.json", "tokenizer_config.json", "in/adapter_config.json"):
        for value in (code, other):
            text = json.dumps({"model_type": "x", "auto_map": value}).encode()
            yield _code(f"auto_map in {path}, {value}", path, text)
    deep = json.dumps({"text_config": [{"auto_map": code}]}).encode()
    yield _code("auto_map inside", "config.json", deep)
    twice = b'{"auto_map": {"a": "b.c"}, "auto_map": null}'
    yield _code("auto_map and then none", "config.json", twice)
    escaped = b'{"auto\\u005fmap": {"a": "b.c"}}'
    yield _code("auto_map in escapes", "config.json", escaped)
    pipelines = json.dumps({"custom_pipelines": {"x": {"impl": "a.B"}}}).encode()
    yield _code("custom_pipelines", "config.json", pipelines)
    yield _code("a bottomless one", "config.json", b'{"a":' * 200_000)


def _keras() -> Iterator[BadModel]:
    layers = (
        {"class_name": "Lambda", "config": {"function": ["4wEA", None, None]}},
        {"class_name": "__lambda__", "config": {"code": "4wEA"}},
        {"class_name": "system", "module": "os", "config": {}},
        {"class_name": "get_file", "module": "keras.utils", "config": {}},
        {"class_name": "eval", "module": "builtins", "config": {}},
    )
    for layer in layers:
        model = {"class_name": "Functional", "module": "keras", "layers": [layer]}
        text = json.dumps(model).encode()
        name = f"Keras: {layer['class_name']}"
        archive = Zip().add(b"config.json", text).done()
        yield _code(f"{name} in .keras", "model.keras", archive)
        yield _code(f"{name} in .h5", "m.h5", _HDF5 + bytes(2_000_000) + text)
        behind = bytes(512) + _HDF5 + text
        yield _code(f"{name} behind a block", "m.hdf5", behind)
    hidden = b'{"class_name": "\\u004cambda"}'
    yield _code("Keras: a hidden word", "m.h5", _HDF5 + hidden)


def _onnx() -> Iterator[BadModel]:
    for place in ("/etc/passwd", "../../secret", "a/../../b", "C:\\x", "a\\..\\b", ""):
        pair = _field(1, b"location") + _field(2, place.encode())
        tensor = _field(13, pair)
        for name, model in {
            "a tensor": _field(7, _field(5, tensor)),
            "an attribute": _field(7, _field(1, _field(5, _field(5, tensor)))),
            "a function": _field(25, _field(7, _field(5, _field(5, tensor)))),
            "a group": b"\xa3\x06\xa4\x06" + _field(7, _field(5, tensor)),
        }.items():
            yield _code(f"ONNX: {name} in {place!r}", "model.onnx", model)


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:  # noqa: PLR2004 - seven bits to a byte
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
