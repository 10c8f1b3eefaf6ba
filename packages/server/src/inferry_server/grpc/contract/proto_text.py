"""Tables as the text of ``.proto`` files, for whoever generates a client from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_server.grpc.contract.tables import field

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from inferry_server.grpc.contract.tables import Method, Table


def proto(table: Table) -> str:
    """Return *table* as a ``.proto`` file."""
    lines = [
        f"// {table.about}",
        'syntax = "proto3";',
        "",
        f"package {table.package};",
        "",
        *(f'import "{name}";' for name in table.imports),
        *([""] if table.imports else []),
    ]
    for name, methods in table.services.items():
        lines += [*_service(name, methods), ""]
    for name in table.enums:
        if "." not in name:
            lines += [*_enum(name, table, ""), ""]
    for name in table.messages:
        if "." not in name:
            lines += [*_message(name, table, ""), ""]
    return "\n".join(lines)


def _service(name: str, methods: Mapping[str, Method]) -> Iterator[str]:
    yield f"service {name} {{"
    for method, how in methods.items():
        if how.about:
            yield f"  // {how.about}"
        takes = "stream " * (how.streams == "both") + how.request
        gives = "stream " * bool(how.streams) + how.response
        yield f"  rpc {method}({takes}) returns ({gives});"
    yield "}"


def _enum(name: str, table: Table, indent: str) -> Iterator[str]:
    yield f"{indent}enum {name.rpartition('.')[2]} {{"
    for value, number in table.enums[name].items():
        yield f"{indent}  {value} = {number};"
    yield f"{indent}}}"


def _message(name: str, table: Table, indent: str) -> Iterator[str]:
    yield f"{indent}message {name.rpartition('.')[2]} {{"
    for other in table.enums:
        if other.rpartition(".")[0] == name:
            yield from _enum(other, table, indent + "  ")
    for other in table.messages:
        if other.rpartition(".")[0] == name:
            yield from _message(other, table, indent + "  ")
    yield from _fields(table.messages[name], indent + "  ")
    yield f"{indent}}}"


def _fields(fields: tuple[str, ...], indent: str) -> Iterator[str]:
    choices: dict[str, list[str]] = {}
    for text in fields:
        part = field(text)
        line = f"{_kind(part.kind)} {part.name} = {part.number};"
        if part.choice:
            choices.setdefault(part.choice, []).append(line)
        else:
            yield indent + line
    for choice, lines in choices.items():
        yield f"{indent}oneof {choice} {{"
        yield from (f"{indent}  {line}" for line in lines)
        yield f"{indent}}}"


def _kind(kind: str) -> str:
    if kind.startswith("["):
        return f"repeated {kind[1:-1]}"
    if kind.startswith("{"):
        return f"map<{kind[1:-1].replace(': ', ', ')}>"
    return kind
