"""From bytes to nodes: encoding, size, JSON's spelling, YAML's errors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from inferry.api._nodes import MAX_SIZE, Composer, Node, Remark, Unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 4 * 1024 * 1024
MAX_RESTARTS = 20

_SURROGATES = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE
)
_NEXT_DOCUMENT = re.compile(r"^---(?:\s|$)", re.MULTILINE)


def decode(content: bytes) -> str:
    """Return the text of *content*; raises `Unreadable` unless it is UTF-8."""
    if len(content) > MAX_BYTES:
        raise Unreadable(f"is larger than {MAX_BYTES >> 20} MiB", 0, 0)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - (content.rfind(b"\n", 0, error.start) + 1) + 1
        raise Unreadable(
            "is not UTF-8 text; YAML or JSON belongs here", line, column
        ) from None


def read_nodes(text: str) -> tuple[list[Node], list[Remark]]:
    """Return the documents of *text* and what is wrong with it as text.

    After a syntax error, reading goes on at the next line that starts with ``---``, but
    not more than `MAX_RESTARTS` times: each takes a copy of what is left.
    """
    if text.lstrip()[:1] in ("{", "["):
        text = _json_as_yaml(text)
    nodes: list[Node] = []
    remarks: list[Remark] = []
    start = total = 0
    for _ in range(MAX_RESTARTS + 1):
        line = text.count("\n", 0, start)
        composer = Composer(_events(text[start:]), line, remarks, total=total)
        try:
            for node in composer.documents():
                nodes.append(node)  # noqa: PERF402 - kept when the next one fails
        except Unreadable as error:
            remark = Remark(error.line, error.column, error.message)
        except Exception as error:  # noqa: BLE001 - filtered by _syntax_remark
            remark = _syntax_remark(error, line)
        else:
            return nodes, remarks
        remark.fatal = True
        remarks.append(remark)
        total = composer.total
        following = _after(text, start, remark.line)
        if following is None or total > MAX_SIZE:
            return nodes, remarks
        start = following
    return nodes, remarks


def _events(text: str) -> Iterator[Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return iter(yaml.parse(text, Loader=loader))


def _syntax_remark(error: Exception, first_line: int) -> Remark:
    import yaml

    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        what = error.problem or error.context or "cannot be read"
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Remark(line + first_line, column, f"is not valid YAML: {_hint(what)}")
    if isinstance(error, yaml.reader.ReaderError):
        code = error.character if isinstance(error.character, int) else 0
        return Remark(first_line + 1, 1, f"holds a character that no text has: #{code}")
    if isinstance(error, (UnicodeError, yaml.YAMLError)):
        return Remark(first_line + 1, 1, "holds characters that no text has")
    raise error


def _hint(what: str) -> str:
    if "cannot start any token" in what:
        return f"{what} (a tab indents, or a value begins with @, % or `: quote it)"
    if "mapping values are not allowed" in what:
        return f"{what} (a second ':' in the line; quote the value)"
    return what


def _after(text: str, start: int, line: int) -> int | None:
    """Return where the document after *line* begins, if one follows."""
    position = start
    for _ in range(line - text.count("\n", 0, start)):
        position = text.find("\n", position) + 1
        if not position:
            return None
    found = _NEXT_DOCUMENT.search(text, max(position, start + 1))
    return found.start() if found else None


def _json_as_yaml(text: str) -> str:
    """Write JSON so that YAML reads it: no tabs, no escaped surrogate pairs."""

    def join(match: re.Match[str]) -> str:
        high, low = int(match[2], 16), int(match[3], 16)
        return match[1] + chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))

    return _SURROGATES.sub(join, text.replace("\t", " "))
