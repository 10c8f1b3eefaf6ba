"""Structural schemas of the API's own types, with what narrows each field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import inspect as kinds

from inferry.api import _types
from inferry.api._convert import FORBIDDEN, INLINED, TABLED, fields_of
from inferry.api._crds import pods
from inferry.api._crds.descriptions import described
from inferry.api._crds.narrow import narrowed
from inferry.api._crds.rules import RULES
from inferry.api._crds.status import status_schema
from inferry.api._leaves import INT32

if TYPE_CHECKING:
    from inferry.api._crds.pods import Schema
    from inferry.api._meta import Api

# The API server knows these by itself; rules may look at the name.
_HEAD: dict[str, Schema] = {
    "apiVersion": {"type": "string"},
    "kind": {"type": "string"},
    "metadata": {"type": "object", "properties": {"name": {"type": "string"}}},
}


def root_schema(kind: type[Api]) -> Schema:
    """Return the schema of the whole object."""
    found = struct_schema(kind)
    found |= described(kind.__name__)
    found["properties"] |= {**_HEAD, "status": status_schema()}
    found["required"] = sorted(set(found["required"]) - set(_HEAD))
    return found


def struct_schema(kind: type, without: frozenset[str] = frozenset()) -> Schema:
    """Return the schema of one type, the fields it inlines included."""
    known, inlined = fields_of(kind)
    properties: dict[str, Schema] = {}
    if inlined:
        properties |= pods.fields(INLINED[inlined])
    for name, each in known.items():
        if name not in without:
            key = f"{_owner(kind, each.name)}.{name}"
            schema = narrowed(key, _schema(each.type, name)) | described(key)
            properties[name] = schema if each.required else pods.nullable(schema)
    required = sorted(n for n, each in known.items() if each.required)
    found: Schema = {"type": "object", "properties": properties}
    if required:
        found["required"] = required
    rules = [rule for owner in kind.__mro__ for rule in RULES.get(owner.__name__, ())]
    if rules:
        found["x-kubernetes-validations"] = [rule.as_dict() for rule in rules]
    return found


def _owner(kind: type, name: str) -> str:
    """Return the name of the type that declares the field *name* of *kind*."""
    return next(
        each.__name__
        for each in reversed(kind.__mro__)
        if name in getattr(each, "__annotations__", {})
    )


def _schema(kind: kinds.Type, name: str) -> Schema:
    if isinstance(kind, kinds.UnionType):
        return _union(kind, name)
    if name in TABLED and not isinstance(kind, kinds.StructType):
        return pods.schema(TABLED[name])
    if isinstance(kind, kinds.StructType):
        known = FORBIDDEN.get(name, frozenset())
        canary = kind.cls is _types.CanarySpec
        return _canary_schema() if canary else struct_schema(kind.cls, known)
    if isinstance(kind, kinds.ListType):
        return {"type": "array", "items": _schema(kind.item_type, "")}
    if isinstance(kind, kinds.DictType):
        return {"type": "object", "additionalProperties": _schema(kind.value_type, "")}
    return _leaf(kind)


def _canary_schema() -> Schema:
    """Return the schema of a canary, whose predictor is as large as the stable one.

    What hardly any canary has is left open, and the loader's to check.
    """
    found = struct_schema(_types.CanarySpec)
    predictor = found["properties"]["predictor"]["properties"]
    for name in (*_types.LEGACY_FORMATS, "autoScaling", "workerSpec"):
        known = predictor[name]["properties"]
        kept = {key: known[key] for key in ("storageUri",) if key in known}
        inner = {**pods.OPAQUE} | ({"properties": kept} if kept else {})
        predictor[name] = pods.nullable(inner)
    return found


def _leaf(kind: kinds.Type) -> Schema:
    if isinstance(kind, kinds.LiteralType):
        return {"type": "string", "enum": [str(each) for each in kind.values]}
    if isinstance(kind, kinds.IntType):
        most = INT32 if kind.le is None else kind.le
        bounds = {"minimum": kind.ge, "maximum": most}
        given: dict[str, Any] = {k: v for k, v in bounds.items() if v is not None}
        return {"type": "integer", **given}
    if isinstance(kind, kinds.BoolType):
        return {"type": "boolean"}
    return {"type": "string"} if isinstance(kind, kinds.StrType) else dict(pods.ANY)


def _union(kind: kinds.UnionType, name: str) -> Schema:
    options = [each for each in kind.types if not isinstance(each, kinds.NoneType)]
    if len(options) == 1:
        return _schema(options[0], name)
    lists = [each for each in options if isinstance(each, kinds.ListType)]
    return _schema(lists[0], name) if lists else {}
