"""Nodes of a document with their places: what YAML and JSON are read into.

Composed from the parser's events rather than by PyYAML's composer, so that depth, size
and duplicate keys are seen while they are read. An alias shares the node it names;
``size`` counts a node as if every alias below it were written out, which bounds what
any walk over the tree can cost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inferry.api._scalars import Value, name_of, plain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAX_DEPTH = 100
MAX_SIZE = 500_000

_CORE = "tag:yaml.org,2002:"
_TEXT_TAGS = frozenset({"!", f"{_CORE}str"})
_PLAIN_TAGS = frozenset(f"{_CORE}{name}" for name in ("int", "float", "bool", "null"))
_SET_TAGS = frozenset({"!", f"{_CORE}map", f"{_CORE}seq"})


class Unreadable(Exception):
    """The text cannot be read on from here."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


@dataclass(slots=True)
class Scalar:
    """One value; ``text`` is how it is written, ``value`` what it means."""

    line: int
    column: int
    value: Value
    text: str
    size: int = 1

    def plain_data(self) -> Value:
        """Return the value."""
        return self.value


@dataclass(slots=True)
class Key:
    """One key of a mapping, with its place."""

    line: int
    column: int
    text: str


@dataclass(slots=True)
class Mapping:
    """Keys and nodes, in the order of the file."""

    line: int
    column: int
    items: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Key] = field(default_factory=dict)
    size: int = 1

    def plain_data(self) -> dict[str, Any]:
        """Return the mapping as a dictionary of plain values."""
        return {key: node.plain_data() for key, node in self.items.items()}

    def text(self, key: str) -> str:
        """Return the text under *key*, or '' where there is something else."""
        node = self.items.get(key)
        value = node.value if isinstance(node, Scalar) else None
        return value if isinstance(value, str) else ""


@dataclass(slots=True)
class Sequence:
    """A list of nodes."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)
    size: int = 1

    def plain_data(self) -> list[Any]:
        """Return the list of plain values."""
        return [node.plain_data() for node in self.items]


Node = Scalar | Mapping | Sequence


@dataclass(slots=True)
class Remark:
    """A problem of the text itself, such as a duplicate key.

    ``fatal`` says that the document in which it stands could not be read at all.
    """

    line: int
    column: int
    message: str
    fatal: bool = False


@dataclass(slots=True)
class Composer:
    """Reads the events of a YAML stream into one node for each document.

    ``line`` is added to every line number; ``remarks`` collects what is wrong without
    making the text unreadable.
    """

    events: Iterator[Any]
    line: int = 0
    remarks: list[Remark] = field(default_factory=list)
    anchors: dict[str, Node | None] = field(default_factory=dict)
    total: int = 0

    def documents(self) -> Iterator[Node]:
        """Yield the root of each document; raises `Unreadable` or YAML's errors."""
        import yaml

        for event in self.events:
            if isinstance(event, yaml.DocumentStartEvent):
                self.anchors = {}
                node = self._node(next(self.events), 0)
                self.total += node.size
                self._bound(self.total, node)
                yield node

    def _node(self, event: Any, depth: int) -> Node:  # noqa: ANN401 - PyYAML is untyped
        import yaml

        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        line, column = self._place(event)
        if depth > MAX_DEPTH:
            raise Unreadable(f"nests deeper than {MAX_DEPTH} levels", line, column)
        if event.anchor:
            self.anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node: Node = self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            node = self._mapping(event, depth)
        else:
            node = self._sequence(event, depth)
        if event.anchor:
            self.anchors[event.anchor] = node
        return node

    def _place(self, event: Any) -> tuple[int, int]:  # noqa: ANN401 - untyped
        mark = event.start_mark
        return mark.line + 1 + self.line, mark.column + 1

    def _alias(self, event: Any) -> Node:  # noqa: ANN401 - untyped
        line, column = self._place(event)
        if event.anchor not in self.anchors:
            raise Unreadable(f"no anchor &{event.anchor} stands above", line, column)
        node = self.anchors[event.anchor]
        if node is None:
            raise Unreadable(f"*{event.anchor} contains itself", line, column)
        return node

    def _scalar(self, event: Any) -> Scalar:  # noqa: ANN401 - untyped
        line, column = self._place(event)
        text: str = event.value
        quoted = bool(event.style) or event.tag in _TEXT_TAGS
        if event.tag in _PLAIN_TAGS:
            quoted = False
        elif event.tag and event.tag not in _TEXT_TAGS:
            self._refuse_tag(event)
        return Scalar(line, column, text if quoted else plain(text), text)

    def _sequence(self, event: Any, depth: int) -> Sequence:  # noqa: ANN401 - untyped
        import yaml

        if event.tag and event.tag not in _SET_TAGS:
            self._refuse_tag(event)
        sequence = Sequence(*self._place(event))
        for each in self.events:
            if isinstance(each, yaml.SequenceEndEvent):
                break
            item = self._node(each, depth + 1)
            sequence.items.append(item)
            self._grow(sequence, item)
        return sequence

    def _mapping(self, event: Any, depth: int) -> Mapping:  # noqa: ANN401 - untyped
        import yaml

        if event.tag and event.tag not in _SET_TAGS:
            self._refuse_tag(event)
        mapping = Mapping(*self._place(event))
        merged: list[Mapping] = []
        for each in self.events:
            if isinstance(each, yaml.MappingEndEvent):
                break
            merges = isinstance(each, yaml.ScalarEvent) and each.value == "<<"
            merges = merges and not each.style
            key = self._node(each, depth + 1)
            value = self._node(next(self.events), depth + 1)
            self._grow(mapping, value)
            if merges:
                merged.extend(self._merge_sources(value))
            else:
                self._put(mapping, key, value)
        for source in merged:
            self._merge(mapping, source)
        return mapping

    def _grow(self, parent: Mapping | Sequence, child: Node) -> None:
        parent.size += child.size
        self._bound(parent.size, parent)

    def _bound(self, size: int, node: Node) -> None:
        if size > MAX_SIZE:
            message = f"holds more than {MAX_SIZE} values with its aliases written out"
            raise Unreadable(message, node.line, node.column)

    def _put(self, mapping: Mapping, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            self._remark(key, "a key must be text, not a list or a mapping")
            return
        if not isinstance(key.value, str):
            what = name_of(key.value)
            self._remark(
                key, f'YAML reads the key {key.text} as {what}; quote it: "{key.text}"'
            )
            return
        if key.value in mapping.items:
            first = mapping.keys[key.value].line
            self._remark(
                key, f"the key {key.value!r} stands twice, first at line {first}"
            )
            return
        mapping.items[key.value] = value
        mapping.keys[key.value] = Key(key.line, key.column, key.value)

    def _merge_sources(self, value: Node) -> Iterable[Mapping]:
        nodes = value.items if isinstance(value, Sequence) else [value]
        for node in nodes:
            if isinstance(node, Mapping):
                yield node
            else:
                self._remark(node, "'<<' merges mappings only")

    def _merge(self, mapping: Mapping, source: Mapping) -> None:
        for key, node in source.items.items():
            if key not in mapping.items:
                mapping.items[key] = node
                mapping.keys[key] = source.keys[key]

    def _refuse_tag(self, event: Any) -> None:  # noqa: ANN401 - untyped
        line, column = self._place(event)
        message = f"the tag {event.tag!r} is not supported; leave it out"
        self.remarks.append(Remark(line, column, message))

    def _remark(self, node: Node, message: str) -> None:
        self.remarks.append(Remark(node.line, node.column, message))
