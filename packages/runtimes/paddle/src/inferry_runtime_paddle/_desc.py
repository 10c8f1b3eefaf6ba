"""Read the program of Paddle 2: the protobuf ProgramDesc of its framework.proto.

Only the fields on the way to what the program takes, gives and does are walked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from inferry.model import TensorSpec
from inferry.runtime.protobuf import fields, packed, signed
from inferry_runtime_paddle._program import Program, corrupt

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Message: TypeAlias = dict[int, list[int | memoryview]]

_BLOCKS, _VERSION = 1, 4
_VARS, _OPS = 3, 4
_VAR_NAME, _VAR_TYPE = 1, 2
_DENSE, _TENSOR, _DATA_TYPE, _DIMS = 3, 1, 1, 2
_OP_INPUTS, _OP_OUTPUTS, _OP_TYPE, _OP_ATTRIBUTES = 1, 2, 3, 4
_ARGUMENTS = 2
_ATTRIBUTE_NAME, _ATTRIBUTE_INT = 1, 3
_DATATYPES = {
    0: "BOOL",
    1: "INT16",
    2: "INT32",
    3: "INT64",
    4: "FP16",
    5: "FP32",
    6: "FP64",
    20: "UINT8",
    21: "INT8",
    22: "BF16",
}
_MAJOR, _MINOR = 1_000_000, 1_000


def read(path: Path) -> Program:
    """Return what the program at *path* takes, gives and does.

    Raises:
        ModelLoadError: It is no program, or takes what no protocol can carry.

    """
    try:
        return _program(memoryview(path.read_bytes()))
    except (KeyError, IndexError, TypeError, ValueError) as error:
        why = f"{type(error).__name__} {error}"
        raise corrupt(path.name, why) from None


def _program(data: memoryview) -> Program:
    document = _message(data)
    blocks = [_message(each) for each in _messages(document, _BLOCKS)]
    operations = [
        [_message(each) for each in _messages(block, _OPS)] for block in blocks
    ]
    specs = dict(_variables(blocks[0]))
    fed = [each for each in operations[0] if _type(each) == "feed"]
    fetched = [each for each in operations[0] if _type(each) == "fetch"]
    fed.sort(key=_column)
    fetched.sort(key=_column)
    return Program(
        inputs=tuple(_spec(_argument(each, _OP_OUTPUTS), specs) for each in fed),
        outputs=tuple(_spec(_argument(each, _OP_INPUTS), specs) for each in fetched),
        operations=frozenset(_type(each) for block in operations for each in block),
        version=_version(document),
    )


def _variables(block: Message) -> Iterator[tuple[str, Message]]:
    for each in _messages(block, _VARS):
        variable = _message(each)
        yield _text(variable, _VAR_NAME), variable


def _spec(name: str, variables: dict[str, Message]) -> TensorSpec:
    kind = _message(_messages(variables[name], _VAR_TYPE)[0])
    dense = _message(_messages(kind, _DENSE)[0])
    tensor = _message(_messages(dense, _TENSOR)[0])
    number = tensor[_DATA_TYPE][0]
    datatype = _DATATYPES.get(number) if isinstance(number, int) else None
    if datatype is None:
        msg = f"{name!r} has the type {number!r}, which V2 has not"
        raise ValueError(msg)
    shape = tuple(max(-1, signed(size)) for size in _integers(tensor, _DIMS))
    return TensorSpec(name=name, datatype=datatype, shape=shape)


def _column(operation: Message) -> int:
    for each in _messages(operation, _OP_ATTRIBUTES):
        attribute = _message(each)
        if _text(attribute, _ATTRIBUTE_NAME) == "col":
            return next(_integers(attribute, _ATTRIBUTE_INT))
    return 0


def _argument(operation: Message, kind: int) -> str:
    return _text(_message(_messages(operation, kind)[0]), _ARGUMENTS)


def _type(operation: Message) -> str:
    return _text(operation, _OP_TYPE)


def _version(document: Message) -> str:
    found = document.get(_VERSION)
    if not found or not isinstance(found[0], memoryview):
        return ""
    number = next(_integers(_message(found[0]), 1), 0)
    if not number:
        return ""
    major, rest = divmod(number, _MAJOR)
    return f"{major}.{rest // _MINOR}.{rest % _MINOR}"


def _message(data: memoryview) -> Message:
    found: Message = {}
    for number, value in fields(data):
        found.setdefault(number, []).append(value)
    return found


def _messages(message: Message, number: int) -> list[memoryview]:
    found = message.get(number, [])
    return [each for each in found if isinstance(each, memoryview)]


def _text(message: Message, number: int) -> str:
    return bytes(_messages(message, number)[0]).decode()


def _integers(message: Message, number: int) -> Iterator[int]:
    for each in message.get(number, ()):
        if isinstance(each, int):
            yield each
        else:
            yield from packed(each)
