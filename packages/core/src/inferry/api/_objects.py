"""Objects of an API server to documents, without the nodes that files need.

What an API server gives has been validated once, so that almost every object takes the
short way: no line numbers, no messages. The moment anything does not fit, the long way
of `loads` is taken, which tells every problem; both give the same document.
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import inspect as kinds

from inferry.api import _kubernetes, _types
from inferry.api._convert import DROPPED, FORBIDDEN, INLINED, TABLED, fields_of
from inferry.api._default import default
from inferry.api._documents import KINDS, VERSIONS
from inferry.api._leaves import INT32, QUANTITY
from inferry.api._load import loads
from inferry.api._rules import findings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry.api._problems import Problem
    from inferry.api._types import Document

    Reader = Callable[[Any], Any]

_BY_FILE_ONLY = frozenset({"Secret", "ServiceAccount"})


class _Unfit(Exception):
    """The short way does not take this."""


def from_object(value: Mapping[str, Any]) -> Document:
    """Return the document that an object of an API server is, defaulted.

    Equal to what `loads` gives for it. Warnings are left out.

    Raises:
        InvalidDocument: It breaks a rule, or is no document of ours; with every error.

    """
    try:
        document = _document(value)
    except _Unfit:
        return _by_loads(value)
    if any(finding.severity == "error" for finding in findings(document)):
        return _by_loads(value)
    return document


def _document(value: Mapping[str, Any]) -> Document:
    kind = value.get("kind")
    if not isinstance(kind, str) or kind in _BY_FILE_ONLY:
        raise _Unfit
    if VERSIONS.get(kind) != value.get("apiVersion"):
        raise _Unfit
    made: Document = _struct(_shape(KINDS[kind], frozenset()), value)
    return default(made)


def _by_loads(value: Mapping[str, Any]) -> Document:
    metadata = value.get("metadata")
    name = metadata.get("name", "") if isinstance(metadata, dict) else ""
    where = f"{value.get('kind', 'object')}/{name}"
    loaded = loads(msgspec.json.encode(value).decode(), file=where)
    wrong = [each for each in loaded.problems if each.severity == "error"]
    if wrong or not loaded.documents:
        from inferry.errors import InvalidDocument

        said = [_without_place(each) for each in wrong or loaded.problems]
        what = "is not valid" if wrong else "is no document of ours"
        raise InvalidDocument(f"{where} {what}", problems=said)
    return loaded.documents[0].document


def _without_place(problem: Problem) -> str:
    """An object has no lines: its problems are told by their paths alone."""
    text = f"{problem.path}: {problem.message}" if problem.path else problem.message
    near = f"; did you mean {problem.suggestion!r}?" if problem.suggestion else ""
    return f"{text}{near}"


class _Shape(NamedTuple):
    """How the fields of one type are read, found once."""

    kind: type
    known: Mapping[str, tuple[str, Reader]]
    inlined: str
    pod: Mapping[str, Reader]
    dropped: frozenset[str]
    required: frozenset[str]


@cache
def _shape(kind: type, without: frozenset[str]) -> _Shape:
    fields, inlined = fields_of(kind)
    known = {
        name: (each.name, _reader(each.type, name))
        for name, each in fields.items()
        if name not in without
    }
    return _Shape(
        kind=kind,
        known=known,
        inlined=inlined,
        pod=_table(INLINED[inlined])[0] if inlined else {},
        dropped=frozenset(DROPPED.get(kind, ())),
        required=frozenset(e.name for e in fields.values() if e.required),
    )


def _struct(shape: _Shape, value: Any) -> Any:  # noqa: ANN401 - any part of an object
    if not isinstance(value, dict):
        raise _Unfit
    _, known, inlined, pod, dropped, required = shape
    values: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, content in value.items():
        if found := known.get(name):
            if content is not None:
                values[found[0]] = found[1](content)
        elif reader := pod.get(name):
            if content is not None:
                rest[name] = reader(content)
        elif name not in dropped:
            raise _Unfit
    if rest:
        values[inlined] = rest
    if not values.keys() >= required:
        raise _Unfit
    return shape.kind(**values)


def _reader(kind: kinds.Type, name: str) -> Reader:
    """Return what reads a field called *name*, as `inferry.api._convert` does."""
    if isinstance(kind, kinds.UnionType):
        return _union_reader(kind, name)
    if isinstance(kind, kinds.StructType):
        return _struct_reader(kind.cls, FORBIDDEN.get(name, frozenset()))
    if isinstance(kind, (kinds.ListType, kinds.DictType)):
        return _collection_reader(kind, name)
    if isinstance(kind, kinds.LiteralType):
        return partial(_one_of, frozenset(kind.values))
    if isinstance(kind, kinds.IntType):
        return partial(_whole, kind.ge, kind.le)
    return _truth if isinstance(kind, kinds.BoolType) else _text


def _struct_reader(kind: type, without: frozenset[str]) -> Reader:
    # A shape is made when it is first needed: one type may hold itself.
    return lambda value: _struct(_shape(kind, without), value)


def _collection_reader(kind: kinds.ListType | kinds.DictType, name: str) -> Reader:
    if isinstance(kind, kinds.DictType):
        if isinstance(kind.value_type, kinds.StructType):
            return partial(_map, _reader(kind.value_type, ""))
        of_text = isinstance(kind.value_type, kinds.StrType)
        return _table_reader("{str}" if of_text else TABLED.get(name, "{any}"))
    if name in TABLED:
        return _table_reader(TABLED[name])
    if isinstance(kind.item_type, kinds.DictType):
        return partial(_list, _anything)
    return partial(_list, _reader(kind.item_type, ""))


def _union_reader(kind: kinds.UnionType, name: str) -> Reader:
    options = [each for each in kind.types if not isinstance(each, kinds.NoneType)]
    if len(options) == 1:
        return _reader(options[0], name)
    if any(isinstance(each, kinds.FloatType) for each in options):
        return _quantity
    listed = next(each for each in options if isinstance(each, kinds.ListType))
    return partial(_canary, _reader(listed, name))


def _canary(listed: Reader, value: Any) -> Any:  # noqa: ANN401 - any part of an object
    if isinstance(value, list):
        return listed(value)
    if not isinstance(value, dict) or set(value) != {"predictor"}:
        raise _Unfit
    return _struct(_shape(_types.PredictorSpec, frozenset()), value["predictor"])


@cache
def _table(type_name: str) -> tuple[Mapping[str, Reader], tuple[str, ...]]:
    """Return the readers of a Kubernetes type's fields, and which are required."""
    known = _kubernetes.fields(type_name)
    required = tuple(name for name, text in known.items() if text.endswith("!"))
    return {name: _table_reader(text) for name, text in known.items()}, required


def _table_reader(type_text: str) -> Reader:
    kind = type_text.rstrip("!")
    if leaf := _LEAVES.get(kind):
        return leaf
    if kind.startswith("["):
        return partial(_list, _table_reader(kind[1:-1]))
    if kind.startswith("{"):
        return partial(_map, _table_reader(kind[1:-1]))
    return partial(_object, kind)


def _object(type_name: str, value: Any) -> Any:  # noqa: ANN401 - any part of an object
    if not isinstance(value, dict):
        raise _Unfit
    readers, required = _table(type_name)
    read: dict[str, Any] = {}
    for name, content in value.items():
        reader = readers.get(name)
        if reader is None:
            raise _Unfit
        if content is not None:
            read[name] = reader(content)
    for name in required:
        if name not in read:
            raise _Unfit
    return read


def _list(item: Reader, value: Any) -> Any:  # noqa: ANN401 - any part of an object
    if not isinstance(value, list):
        raise _Unfit
    return [item(each) for each in value]


def _map(item: Reader, value: Any) -> Any:  # noqa: ANN401 - any part of an object
    if not isinstance(value, dict):
        raise _Unfit
    read = {key: item(content) for key, content in value.items()}
    return {key: content for key, content in read.items() if content is not None}


def _anything(value: Any) -> Any:  # noqa: ANN401 - any part of an object
    return value


def _text(value: Any) -> Any:  # noqa: ANN401 - any part of an object
    if not isinstance(value, str):
        raise _Unfit
    return value


def _truth(value: Any) -> Any:  # noqa: ANN401 - any part of an object
    if not isinstance(value, bool):
        raise _Unfit
    return value


def _one_of(known: frozenset[Any], value: Any) -> Any:  # noqa: ANN401 - as above
    if not isinstance(value, str) or value not in known:
        raise _Unfit
    return value


def _whole(low: int | None, high: int | None, value: Any) -> Any:  # noqa: ANN401 - as above
    if type(value) is not int or not -INT32 <= value <= INT32:
        raise _Unfit
    if low is not None and high is not None and not low <= value <= high:
        raise _Unfit
    return value


def _quantity(value: Any) -> Any:  # noqa: ANN401 - any part of an object
    if isinstance(value, str):
        if QUANTITY.fullmatch(value) is None:
            raise _Unfit
    elif type(value) is not int and type(value) is not float:
        raise _Unfit
    return value


def _whole_or_text(value: Any) -> Any:  # noqa: ANN401 - any part of an object
    return value if isinstance(value, str) else _whole(None, None, value)


_LEAVES: Mapping[str, Reader] = {
    "any": _anything,
    "bool": _truth,
    "int": partial(_whole, None, None),
    "int|str": _whole_or_text,
    "quantity": _quantity,
    "str": _text,
}
