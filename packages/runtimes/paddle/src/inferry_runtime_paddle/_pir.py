"""Read the program of Paddle 3: PIR as JSON, with the keys of its serializer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inferry.model import TensorSpec
from inferry_runtime_paddle._program import Program, corrupt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DEEPEST = 64
_DATATYPES = {
    "t_bool": "BOOL",
    "t_i8": "INT8",
    "t_ui8": "UINT8",
    "t_i16": "INT16",
    "t_i32": "INT32",
    "t_i64": "INT64",
    "t_f16": "FP16",
    "t_bf16": "BF16",
    "t_f32": "FP32",
    "t_f64": "FP64",
}


def read(path: Path) -> Program:
    """Return what the program at *path* takes, gives and does.

    Raises:
        ModelLoadError: It is no program, or takes what no protocol can carry.

    """
    try:
        document = msgspec.json.decode(path.read_bytes())
        if document["base_code"]["magic"] != "pir":
            raise corrupt(path.name, "its magic is not pir")
        region = document["program"]["regions"][0]
        block = region["blocks"][0]["ops"]
        inputs = [_spec(each) for each in block if _kind(each) == "data"]
        fetched = [each for each in block if _kind(each) == "fetch"]
        fetched.sort(key=lambda each: int(_attribute(each, "col")))
        outputs = [_spec(each) for each in fetched]
        operations = frozenset(_operations(region, 0))
    except msgspec.MsgspecError as error:
        raise corrupt(path.name, str(error)) from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        why = f"{type(error).__name__} {error}"
        raise corrupt(path.name, why) from None
    except RecursionError:
        raise corrupt(path.name, "it is nested too deeply") from None
    return Program(inputs=tuple(inputs), outputs=tuple(outputs), operations=operations)


def _operations(region: Any, depth: int) -> Iterator[str]:  # noqa: ANN401 - JSON
    if depth > _DEEPEST:
        msg = "regions within regions"
        raise ValueError(msg)
    for block in region["blocks"]:
        for each in block["ops"]:
            yield _kind(each)
            for inner in each.get("regions", ()):
                yield from _operations(inner, depth + 1)


def _kind(operation: Any) -> str:  # noqa: ANN401 - JSON
    """Return the name of an operation without the number of its dialect."""
    name = operation["#"]
    if not isinstance(name, str):
        msg = "an operation without a name"
        raise TypeError(msg)
    return name.rpartition(".")[2]


def _attribute(operation: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    for each in operation["A"]:
        if each["N"] == name:
            return each["AT"]["D"]
    raise KeyError(name)


def _spec(operation: Any) -> TensorSpec:  # noqa: ANN401 - JSON
    kind, shape = operation["O"][0]["TT"]["D"][:2]
    name = str(_attribute(operation, "name"))
    datatype = _DATATYPES.get(str(kind["#"]).rpartition(".")[2])
    if datatype is None:
        msg = f"{name!r} has the type {kind['#']}, which V2 has not"
        raise ValueError(msg)
    return TensorSpec(
        name=name, datatype=datatype, shape=tuple(max(-1, int(size)) for size in shape)
    )
