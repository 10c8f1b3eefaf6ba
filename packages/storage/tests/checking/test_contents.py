"""Files of honest models pass; those that run code are in `inferry_storage.testing`."""

from __future__ import annotations

import gzip
import io
import json
import os
import pickle
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from inferry_storage.checking.contents import code_in
from inferry_storage.testing._code import _HDF5, _array, _field
from inferry_storage.testing._packing import tar, tar_member

if TYPE_CHECKING:
    from pathlib import Path


def zipped(**members: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/").replace("_DOT_", "."), data)
    return written.getvalue()


def keras(layer: dict[str, Any]) -> bytes:
    model = {"class_name": "Functional", "module": "keras.src.models.functional"}
    return json.dumps({**model, "config": {"layers": [layer]}}).encode()


DENSE = keras({"class_name": "Dense", "module": "keras.layers"})
LOSS = keras({"module": "builtins", "class_name": "function", "config": "mse"})
TENSORS = pickle.dumps({"weight": [1.0], "shape": (1,)}, 2)
EXTERNAL = _field(13, _field(1, b"location") + _field(2, b"weights/a.bin"))
HEADER = json.dumps({"__metadata__": {"format": "pt"}}).encode()

HONEST = {
    "model.onnx": _field(7, _field(5, EXTERNAL)) + b"\x08\x09",
    "model.safetensors": len(HEADER).to_bytes(8, "little") + HEADER + os.urandom(9_999),
    "model.gguf": b"GGUF\x03\x00\x00\x00" + os.urandom(9_999),
    "pytorch_model.bin": zipped(m__data_DOT_pkl=TENSORS, m__data__0=os.urandom(999)),
    "legacy.pt": TENSORS + TENSORS + os.urandom(999),
    "script.pt": zipped(
        m__constants_DOT_pkl=pickle.dumps((), 2),
        m__code__a_DOT_py=b"def forward(self): pass",
        m__data_DOT_pkl=b"\x80\x02c__torch__.net\nNet\n)\x81.",
    ),
    "weights.npy": _array("'<f4'") + os.urandom(999),
    "fields.npy": _array("[('a', '<f4'), ('b', '<U3', (2,))]") + os.urandom(999),
    "objects.npy": _array("'|O'") + pickle.dumps(["a", None]),
    "weights.npz": zipped(a_DOT_npy=_array("'<i8'") + bytes(99)),
    "dense.keras": zipped(config_DOT_json=DENSE),
    "loss.keras": zipped(config_DOT_json=LOSS),
    "dense.h5": _HDF5 + bytes(3_000_000) + DENSE + LOSS,
    "config.json": json.dumps({"model_type": "bert", "module": "os"}).encode(),
    "model_index.json": b"not json at all",
    "tokenizer.json": json.dumps({"auto_map": "a token"}).encode(),
    "vocab.txt": b"cat\ndog\ncow\nox\n",
    "merges.txt.gz": gzip.compress(b"cat\ndog\n" * 100),
    "table.bin": zlib.compress(b"cat\ndog\n" * 100),
    "saved_model.pb": b"\x0a\x09\x12\x06MatMul\x1a\x01x",
    "notes.tar": tar(tar_member("notes.txt", b"cat\ndog\n")),
    "empty.pkl": b"",
    "README.md": b"# A model\n\ncos\nsystem\n",
    "chat_template.jinja": b"{% for m in messages %}{{ m }}{% endfor %}",
    "random.bin": os.urandom(99_999),
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_file_passes(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(HONEST[name])

    with path.open("rb") as file:
        assert code_in(file, name) == ""


def test_only_the_ends_of_a_large_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(len(HEADER).to_bytes(8, "little") + HEADER)
    os.truncate(path, 8 << 30)
    before = os.times()

    with path.open("rb") as file:
        assert code_in(file, path.name) == ""

    after = os.times()
    assert after.user + after.system - before.user - before.system < 1


def test_what_unpacks_without_end_is_not_followed(tmp_path: Path) -> None:
    path = tmp_path / "model.joblib"
    blob = b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little")
    path.write_bytes(zlib.compress(blob + bytes(80 << 20), 9))

    with path.open("rb") as file:
        assert code_in(file, path.name) == "unpacks to more than is looked into"
