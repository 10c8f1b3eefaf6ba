"""Trees of `inferry_controller.install.template` as templates of Helm."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from inferry_controller.install.documents import scalar
from inferry_controller.install.template import (
    Code,
    Joined,
    Listed,
    Ref,
    Spread,
    Template,
    When,
)

_STEP = "  "


def write(template: Template) -> str:
    """Return *template* as the text of one document, or of a loop of them."""
    opening = [f"{{{{- if {test.helm} }}}}" for test in template.when]
    closing = ["{{- end }}" for _ in template.when]
    if template.each is not None:
        opening.append(f"{{{{- range $item := {template.each.expression} }}}}")
        closing.append("{{- end }}")
    lines = [*opening, "---", *_mapping(template.body, ""), *closing]
    return "\n".join(lines) + "\n"


def _mapping(part: Mapping[Any, Any], indent: str) -> Iterator[str]:
    for key, value in part.items():
        if isinstance(key, Spread):
            yield f"{indent}{{{{- with {key.ref.expression} }}}}"
            yield f"{indent}{{{{- toYaml . | nindent {len(indent)} }}}}"
            yield f"{indent}{{{{- end }}}}"
            continue
        shown, opening, closing = _conditions(value, indent)
        yield from opening
        yield from _entry(f"{indent}{_scalar(key)}:", shown, indent)
        yield from closing


def _conditions(value: Any, indent: str) -> tuple[Any, list[str], list[str]]:  # noqa: ANN401 - any part
    opening, closing = [], []
    while isinstance(value, When):
        opening.append(f"{indent}{{{{- if {value.test.helm} }}}}")
        closing.append(f"{indent}{{{{- end }}}}")
        value = value.part
    return value, opening, closing


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:  # noqa: ANN401 - any part
    """Yield the lines of ``head: value``."""
    inner = indent + _STEP
    match value:
        case Mapping() if value:
            yield head
            yield from _mapping(value, inner)
        case list() | tuple() if value:
            yield head
            yield from _items(value, inner)
        case Listed():
            yield head
            yield f"{inner}{{{{- range $item := {value.ref.expression} }}}}"
            yield from _items((value.part,), inner)
            yield f"{inner}{{{{- end }}}}"
        case Code():
            yield head
            yield from (f"{inner}{line}".rstrip() for line in value.helm.splitlines())
        case Ref() if value.tree:
            yield head
            yield f"{inner}{{{{- toYaml {value.expression} | nindent {len(inner)} }}}}"
        case str() if "\n" in value:
            yield f"{head} |" if value.endswith("\n") else f"{head} |-"
            lines = _literal(value).splitlines()
            yield from (f"{inner}{line}".rstrip() for line in lines)
        case _:
            yield f"{head} {_scalar(value)}"


def _items(part: list[Any] | tuple[Any, ...], indent: str) -> Iterator[str]:
    for value in part:
        shown, opening, closing = _conditions(value, indent)
        yield from opening
        lines = list(_entry(f"{indent}-", shown, indent))
        if isinstance(shown, Mapping) and shown:
            # The first entry of a mapping stands behind the dash.
            first = next(
                number
                for number, line in enumerate(lines)
                if number and not line.lstrip().startswith("{{-")
            )
            if first == 1:
                lines[:2] = [f"{indent}- {lines[1].strip()}"]
        yield from lines
        yield from closing


def _scalar(value: Any) -> str:  # noqa: ANN401 - any scalar
    match value:
        case Ref(whole=True):
            return f"{{{{ {value.expression} }}}}"
        case Ref():
            return f"{{{{ {value.expression} | quote }}}}"
        case Joined():
            inner = "".join(
                _literal(each)
                if isinstance(each, str)
                else f"{{{{ {each.expression} }}}}"
                for each in value.parts
            )
            return f'"{inner}"'
    if isinstance(value, Mapping | list | tuple):  # an empty one
        return "{}" if isinstance(value, Mapping) else "[]"
    return _literal(scalar(value))


def _literal(text: str) -> str:
    """Return *text* so that Helm leaves its braces alone."""
    return text.replace("{{", '{{ "{{" }}')
