"""What a program takes, gives and does is read from its file, or its fault is told."""

from __future__ import annotations

import contextlib
import random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from inferry.errors import ModelLoadError
from inferry.model import TensorSpec
from inferry.status import Reason
from inferry_runtime_paddle import _desc, _pir, _program

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Models


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def field(number: int, value: bytes | str | int) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def variable(name: str, kind: int, dims: tuple[int, ...]) -> bytes:
    tensor = field(1, kind) + b"".join(field(2, size) for size in dims)
    dense = field(1, tensor)
    return field(3, field(1, name) + field(2, field(1, 7) + field(3, dense)))


def operation(name: str, inputs: str = "", outputs: str = "", col: int = 0) -> bytes:
    made = field(3, name) + field(4, field(1, "col") + field(2, 0) + field(3, col))
    if inputs:
        made += field(1, field(1, "X") + field(2, inputs))
    if outputs:
        made += field(2, field(1, "Out") + field(2, outputs))
    return field(4, made)


def program(*extra: str) -> bytes:
    """Return a program of Paddle 2 with its feeds in another order than its columns."""
    block = b"".join(
        [
            field(1, 0),
            field(2, 0),
            variable("ids", 3, (-1, 4)),
            variable("mask", 5, (-1, 4)),
            variable("out", 5, (-1, 2)),
            operation("feed", outputs="mask", col=1),
            operation("feed", outputs="ids", col=0),
            *(operation(each) for each in extra),
            operation("fetch", inputs="out"),
        ]
    )
    return field(1, block) + field(4, field(1, 2_004_001))


def test_a_program_of_paddle_2_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.pdmodel"
    path.write_bytes(program("matmul_v2"))

    found = _desc.read(path)

    assert found.inputs == (
        TensorSpec(name="ids", datatype="INT64", shape=(-1, 4)),
        TensorSpec(name="mask", datatype="FP32", shape=(-1, 4)),
    )
    assert found.outputs == (TensorSpec(name="out", datatype="FP32", shape=(-1, 2)),)
    assert found.operations == {"feed", "matmul_v2", "fetch"}
    assert found.version == "2.4.1"
    assert found.unsafe == ()


@pytest.mark.parametrize("name", ["py_func", "load_combine", "c_allreduce_sum"])
def test_operations_that_reach_out_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "m.pdmodel"
    path.write_bytes(program(name))

    with pytest.raises(
        ModelLoadError, match=f"outside of the model: {name}; "
    ) as found:
        _program.refuse_unsafe(_desc.read(path), path.name)

    assert found.value.reason == Reason.ModelUnsafe


def test_damaged_programs_are_read_or_refused(tmp_path: Path, models: Models) -> None:
    """No damage raises anything but ModelLoadError."""
    numbers = random.Random(0)
    path = tmp_path / "m"
    pir = (models.copy("two") / "model.json").read_bytes()
    for read, whole in ((_desc.read, program("relu")), (_pir.read, pir)):
        for _ in range(300):
            data = bytearray(whole[: numbers.randrange(1, len(whole) + 1)])
            for _ in range(numbers.randrange(3)):
                data[numbers.randrange(len(data))] = numbers.randrange(256)
            path.write_bytes(data)
            with contextlib.suppress(ModelLoadError):
                read(path)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"model": "bert"},
        {"base_code": {"magic": "pir"}, "program": {"regions": []}},
        {"base_code": {"magic": "other"}, "program": {}},
        {"base_code": {"magic": "pir"}, "program": {"regions": [{"blocks": [{}]}]}},
    ],
)
def test_another_json_is_no_program(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "m.json"
    path.write_bytes(msgspec.json.encode(document))

    with pytest.raises(ModelLoadError, match="is no Paddle program, or is cut off"):
        _pir.read(path)
