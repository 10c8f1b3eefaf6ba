"""From nodes to the API's types, with a problem for everything that does not fit.

Unlike a decoder, it goes on after a problem: what fits is kept, so that the rules can
still speak about the rest of the document.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from msgspec import inspect as kinds

from inferry._suggest import closest
from inferry.api import _kubernetes, _secret_values, _types
from inferry.api import _leaves as leaves
from inferry.api._graphs import InferenceGraph
from inferry.api._meta import Api, ObjectMeta
from inferry.api._nodes import Mapping, Node, Sequence
from inferry.api._storage_containers import ClusterStorageContainer
from inferry.api._trained_models import TrainedModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.api._leaves import Sink
    from inferry.api._problems import Path

T = TypeVar("T", bound=Api)

INLINED = {"pod": "PodSpec", "container": "Container"}

# Fields that the types leave open and Kubernetes' table closes.
TABLED = {
    "affinity": "Affinity",
    "behavior": "HorizontalPodAutoscalerBehavior",
    "deploymentStrategy": "DeploymentStrategy",
    "container": "Container",
    "metrics": "[MetricSpec]",
    "resources": "ResourceRequirements",
    "tolerations": "[Toleration]",
}
# Fields that a server writes and that mean nothing in a file.
DROPPED: dict[type, set[str]] = {
    ObjectMeta: {"selfLink", "deletionGracePeriodSeconds", "clusterName"},
    _types.InferenceService: {"status"},
    _types.ServingRuntime: {"status"},
    _types.ClusterServingRuntime: {"status"},
    TrainedModel: {"status"},
    InferenceGraph: {"status"},
    ClusterStorageContainer: {"status"},
}
# Fields whose values no problem may show.
_CONFIDENTIAL: dict[type, frozenset[str]] = {
    _types.Secret: frozenset({"data", "stringData"})
}
# What only `model` has: a legacy key names its format, and its runtime is chosen.
_MODEL_ONLY = frozenset({"modelFormat", "runtime"})
FORBIDDEN = dict.fromkeys((*_types.LEGACY_FORMATS, "art"), _MODEL_ONLY)


def convert(node: Node, kind: type[T], path: Path, sink: Sink) -> T | None:
    """Return *node* as *kind*; None when a required part of it is unusable."""
    if not isinstance(node, Mapping):
        sink.add(node, path, f"must be a mapping, not {leaves.kind_of(node)}")
        return None
    known, inlined = fields_of(kind)
    forbidden = FORBIDDEN.get(str(path[-1]), frozenset()) if path else ()
    values: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for name, child in node.items.items():
        here = (*path, name)
        if name in known and name not in forbidden:
            if not leaves.is_null(child):
                value = (
                    _secret_values.texts(child, here, sink)
                    if name in _CONFIDENTIAL.get(kind, ())
                    else _value(child, known[name].type, here, sink)
                )
                values |= {} if value is None else {known[name].name: value}
        elif inlined and name in _kubernetes.fields(INLINED[inlined]):
            if not leaves.is_null(child):
                type_text = _kubernetes.fields(INLINED[inlined])[name]
                value = _kubernetes.check(child, type_text, here, sink)
                rest |= {} if value is None else {name: value}
        elif name not in DROPPED.get(kind, ()):
            _unknown(node, kind, name, here, sink)
    if inlined and rest:
        values[inlined] = rest
    return _build(node, kind, values, path, sink)


@cache
def fields_of(kind: type) -> tuple[dict[str, kinds.Field], str]:
    """Return the fields of *kind* as YAML spells them, and the field that inlines."""
    info = kinds.type_info(kind)
    assert isinstance(info, kinds.StructType)  # noqa: S101 - for the type checker
    known = {each.encode_name: each for each in info.fields}
    inlined = next((each.name for each in info.fields if each.name in INLINED), "")
    known.pop(inlined, None)
    return known, inlined


def _build(
    node: Mapping, kind: type[T], values: dict[str, Any], path: Path, sink: Sink
) -> T | None:
    complete = True
    for name, each in fields_of(kind)[0].items():
        if each.required and each.name not in values:
            complete = False
            child = node.items.get(name)
            if child is None or leaves.is_null(child):
                sink.add(child or node, (*path, name), "is required")
    return kind(**values) if complete else None


def _value(node: Node, kind: kinds.Type, path: Path, sink: Sink) -> Any:  # noqa: ANN401
    if isinstance(kind, kinds.UnionType):
        return _union(node, kind, path, sink)
    if isinstance(kind, kinds.StructType):
        return convert(node, kind.cls, path, sink)
    if isinstance(kind, kinds.DictType) and isinstance(
        kind.value_type, kinds.StructType
    ):
        return _structs(node, kind.value_type, path, sink)
    if isinstance(kind, kinds.ListType) and path[-1] not in TABLED:
        return _list(node, kind.item_type, path, sink)
    if isinstance(kind, (kinds.DictType, kinds.ListType)):
        return _open(node, kind, path, sink)
    return _leaf(node, kind, path, sink)


def _leaf(node: Node, kind: kinds.Type, path: Path, sink: Sink) -> Any:  # noqa: ANN401
    if isinstance(kind, kinds.LiteralType):
        names = [str(name) for name in kind.values]
        text = leaves.text(node, path, sink)
        if text is None or text in names:
            return text
        sink.choice(node, path, text, names)
        return None
    if isinstance(kind, kinds.IntType):
        return _bounded(node, kind, path, sink)
    if isinstance(kind, kinds.BoolType):
        return leaves.truth(node, path, sink)
    return leaves.text(node, path, sink)


def _bounded(node: Node, kind: kinds.IntType, path: Path, sink: Sink) -> int | None:
    number = leaves.whole(node, path, sink)
    if number is None or kind.ge is None or kind.le is None:
        return number
    if kind.ge <= number <= kind.le:
        return number
    sink.add(node, path, f"must be from {kind.ge} to {kind.le}, not {number}")
    return None


def _list(node: Node, item: kinds.Type, path: Path, sink: Sink) -> list[Any] | None:
    if not isinstance(node, Sequence):
        sink.add(node, path, f"must be a list, not {leaves.kind_of(node)}")
        return None
    if isinstance(item, kinds.DictType):
        return [child.plain_data() for child in node.items]
    values = (
        _value(child, item, (*path, index), sink)
        for index, child in enumerate(node.items)
    )
    return [value for value in values if value is not None]


def _structs(
    node: Node, kind: kinds.StructType, path: Path, sink: Sink
) -> dict[str, Any] | None:
    if not isinstance(node, Mapping):
        sink.add(node, path, f"must be a mapping, not {leaves.kind_of(node)}")
        return None
    values = {
        name: _value(child, kind, (*path, name), sink)
        for name, child in node.items.items()
    }
    return {name: value for name, value in values.items() if value is not None}


def _open(node: Node, kind: kinds.Type, path: Path, sink: Sink) -> Any:  # noqa: ANN401
    """Return what the type leaves open: a text map or a Kubernetes type."""
    of_text = isinstance(kind, kinds.DictType) and isinstance(
        kind.value_type, kinds.StrType
    )
    type_text = "{str}" if of_text else TABLED.get(str(path[-1]), "{any}")
    return _kubernetes.check(node, type_text, path, sink)


def _union(node: Node, kind: kinds.UnionType, path: Path, sink: Sink) -> Any:  # noqa: ANN401
    """Return a value that may be absent; `canary` may also be a list or a mapping."""
    options = [each for each in kind.types if not isinstance(each, kinds.NoneType)]
    if len(options) == 1:
        return _value(node, options[0], path, sink)
    if any(isinstance(each, kinds.FloatType) for each in options):
        return leaves.quantity(node, path, sink)
    if isinstance(node, Sequence):
        chosen = next(each for each in options if isinstance(each, kinds.ListType))
        return _value(node, chosen, path, sink)
    return _canary(node, path, sink)


class _CanaryMap(Api, frozen=True):
    """The older spelling of `canary`: one mapping, whose predictor is named here."""

    predictor: _types.PredictorSpec


def _canary(node: Node, path: Path, sink: Sink) -> _types.PredictorSpec | None:
    whole = convert(node, _CanaryMap, path, sink)
    return whole.predictor if whole else None


def _unknown(node: Mapping, kind: type, name: str, path: Path, sink: Sink) -> None:
    key = node.keys[name]
    if sink.full:
        sink.add(key, path, "unknown field")
        return
    if home := _home(node, kind, name):
        message = f"unknown field here; it belongs under {home!r} (is it indented?)"
        sink.add(key, path, message)
        return
    suggestion = closest(name, _names(kind))
    sink.add(key, path, "unknown field", suggestion=suggestion)


def _names(kind: type) -> Iterable[str]:
    known, inlined = fields_of(kind)
    pod = _kubernetes.fields(INLINED[inlined]) if inlined else {}
    return {*known, *pod}


def _home(node: Mapping, kind: type, name: str) -> str:
    """Return the field whose mapping the misplaced *name* would fit into."""
    homes = []
    for field, each in fields_of(kind)[0].items():
        options = each.type.types if isinstance(each.type, kinds.UnionType) else ()
        structs = [one.cls for one in options if isinstance(one, kinds.StructType)]
        if any(name in _names(one) for one in structs):
            homes.append(field)
    present = [field for field in homes if field in node.items]
    return next(iter(present or homes), "")


def inline(value: Any) -> Any:  # noqa: ANN401 - any part of a document
    """Return *value* as plain data as Kubernetes spells it, pod fields inlined."""
    if isinstance(value, _types.InferenceServiceSpec):
        plain = _inline_struct(value)
        if isinstance(value.canary, _types.PredictorSpec):
            plain["canary"] = {"predictor": plain["canary"]}
        return plain
    if isinstance(value, msgspec.Struct):
        return _inline_struct(value)
    if isinstance(value, dict):
        return {key: inline(each) for key, each in value.items()}
    return [inline(each) for each in value] if isinstance(value, list) else value


def _inline_struct(value: msgspec.Struct) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for each in msgspec.structs.fields(value):
        content = getattr(value, each.name)
        if each.name in INLINED:
            plain |= inline(content)
        elif each.required or not _is_default(content, each):
            plain[each.encode_name] = inline(content)
    return plain


def _is_default(content: object, field: msgspec.structs.FieldInfo) -> bool:
    if field.default_factory is not msgspec.NODEFAULT:
        return not content
    return type(content) is type(field.default) and content == field.default
