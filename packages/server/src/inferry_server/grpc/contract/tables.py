"""Messages and services as tables, and the descriptors that protobuf wants of them.

A message is a name and its fields, one text for each::

    "4 parameters {string: InferParameter}"

which is the number on the wire, the name and the type: a scalar of protobuf, a message
or an enum of the same package, ``[T]`` for many, ``{K: V}`` for a map. ``| name`` at
the end puts a field into the oneof of that name. A dot in a message's name nests it in
another, which stands before it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELD = re.compile(r"(\d+) (\w+) ([^|]+?)(?: \| (\w+))?")
_MAP = re.compile(r"\{(\w+): ([\w.]+)\}")


class Method(Struct, frozen=True):
    """One RPC; ``streams`` is ``both`` or ``server``, whichever streams."""

    request: str
    response: str
    streams: str = ""
    about: str = ""


class Table(Struct, frozen=True, kw_only=True):
    """One ``.proto`` file: ``file`` is its name, ``about`` what it holds."""

    file: str
    package: str
    about: str
    messages: Mapping[str, tuple[str, ...]]
    enums: Mapping[str, Mapping[str, int]] = {}
    services: Mapping[str, Mapping[str, Method]] = {}
    imports: tuple[str, ...] = ()


class Field(Struct, frozen=True):
    """One field of a message, as its text says; ``choice`` is the oneof it is in."""

    number: int
    name: str
    kind: str
    choice: str = ""


def field(text: str) -> Field:
    """Return the field that *text* writes down."""
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no field")
    number, name, kind, choice = found.groups("")
    return Field(int(number), name, kind, choice)


def descriptor(table: Table, known: Mapping[str, Table] | None = None) -> Any:  # noqa: ANN401 - a FileDescriptorProto
    """Return the file descriptor of *table*; *known* are the tables that it imports."""
    file = FileDescriptorProto(
        name=table.file,
        package=table.package,
        syntax="proto3",
        dependency=table.imports,
    )
    enums = set(table.enums)
    for name in table.imports:
        enums |= set((known or {})[name].enums)
    made: dict[str, DescriptorProto] = {}
    for name, fields in table.messages.items():
        outer, _, own = name.rpartition(".")
        message = (made[outer].nested_type if outer else file.message_type).add()
        made[name] = message
        message.name = own
        for text in fields:
            _add_field(message, text, f".{table.package}.{name}", table, enums)
    for name, values in table.enums.items():
        outer, _, own = name.rpartition(".")
        enum = (made[outer].enum_type if outer else file.enum_type).add(name=own)
        for value, number in values.items():
            enum.value.add(name=value, number=number)
    _add_services(file, table)
    return file


def _add_services(file: Any, table: Table) -> None:  # noqa: ANN401 - no stubs
    for name, methods in table.services.items():
        service = file.service.add(name=name)
        for method, how in methods.items():
            service.method.add(
                name=method,
                input_type=f".{table.package}.{how.request}",
                output_type=f".{table.package}.{how.response}",
                client_streaming=how.streams == "both",
                server_streaming=how.streams in {"both", "server"},
            )


def _add_field(
    message: Any,  # noqa: ANN401 - no stubs
    text: str,
    where: str,
    table: Table,
    enums: set[str],
) -> None:
    part = field(text)
    made = message.field.add(name=part.name, number=part.number)
    made.label = FieldDescriptorProto.LABEL_REPEATED
    pair = _MAP.fullmatch(part.kind)
    if pair:
        entry = _add_entry(message, part.name, pair.groups(), table, enums)
        _set_type(made, f"{where}.{entry}", table, enums)
    elif part.kind.startswith("["):
        _set_type(made, part.kind[1:-1], table, enums)
    else:
        made.label = FieldDescriptorProto.LABEL_OPTIONAL
        _set_type(made, part.kind, table, enums)
    if part.choice:
        made.oneof_index = _choice(message, part.choice)


def _add_entry(
    message: Any,  # noqa: ANN401 - no stubs
    field: str,
    pair: tuple[str, ...],
    table: Table,
    enums: set[str],
) -> str:
    """Add the message that protobuf has for each entry of a map."""
    name = "".join(word.capitalize() for word in field.split("_")) + "Entry"
    entry = message.nested_type.add(name=name)
    entry.options.map_entry = True
    for number, (own, kind) in enumerate(zip(("key", "value"), pair, strict=True), 1):
        part = entry.field.add(name=own, number=number)
        part.label = FieldDescriptorProto.LABEL_OPTIONAL
        _set_type(part, kind, table, enums)
    return name


def _set_type(field: Any, kind: str, table: Table, enums: set[str]) -> None:  # noqa: ANN401 - no stubs
    scalar = getattr(FieldDescriptorProto, f"TYPE_{kind.upper()}", None)
    if scalar is not None:
        field.type = scalar
        return
    is_enum = kind in enums
    field.type = (
        FieldDescriptorProto.TYPE_ENUM if is_enum else FieldDescriptorProto.TYPE_MESSAGE
    )
    field.type_name = kind if kind.startswith(".") else f".{table.package}.{kind}"


def _choice(message: Any, name: str) -> int:  # noqa: ANN401 - no stubs
    names = [oneof.name for oneof in message.oneof_decl]
    if name not in names:
        message.oneof_decl.add(name=name)
        names.append(name)
    return names.index(name)
