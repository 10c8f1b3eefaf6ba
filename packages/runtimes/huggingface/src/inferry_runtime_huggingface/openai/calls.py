"""Calls of tools in what a model writes, found while it writes.

A reader takes the text piece by piece and gives back what is plain content and what is
a call. What begins like a call and turns out to be none becomes content again.
"""

from __future__ import annotations

import json
import re
import secrets
import string
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["PARSERS", "Call", "Found", "Parser", "Reader", "parser_for", "reader_for"]

Parser = Literal["hermes", "llama3_json", "mistral"]
PARSERS: tuple[Parser, ...] = ("hermes", "llama3_json", "mistral")
_MISTRAL = "[TOOL_CALLS]"
_PYTHON = "<|python_tag|>"
_LETTERS = string.ascii_letters + string.digits
_NAMED = re.compile(r"\s*(?P<name>[\w.-]{1,64})\s*(?:\[CALL_ID\]\w+)?(?:\[ARGS\])?\s*")


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A call, or more ``arguments`` of the last one where it has no ``name``."""

    arguments: str
    name: str = ""
    id: str = ""


class Found(msgspec.Struct, kw_only=True):
    """What is new: content, calls or both."""

    content: str = ""
    calls: list[Call] = []


class Reader(Protocol):
    """Reads the answer of one choice."""

    def feed(self, text: str) -> Found:
        """Take more of the answer."""

    def end(self) -> Found:
        """Give what was held back."""


def parser_for(template: str) -> Parser:
    """Return how models with the chat *template* write calls."""
    if _MISTRAL in template:
        return "mistral"
    if "<tool_call>" in template:
        return "hermes"
    if "python_tag" in template or '"parameters": ' in template:
        return "llama3_json"
    return "hermes"


def reader_for(
    choice: str, parser: Parser, names: Container[str], name: str = ""
) -> Reader:
    """Return the reader where tools are chosen as *choice* says.

    *names* are the functions there are, *name* the one that must be called.
    """
    new_id = _short_id if parser == "mistral" else _id
    if choice == "named":
        return Named(name, new_id())
    if choice == "required":
        return Listed(names, new_id)
    if choice == "none":
        return Plain()
    if parser == "mistral":
        return Rest(_MISTRAL, names, new_id)
    if parser == "llama3_json":
        return Whole(names, new_id)
    return Tagged(names, new_id)


def _id() -> str:
    return f"call_{secrets.token_hex(12)}"


def _short_id() -> str:
    """Return an id as the templates of Mistral's models insist on it."""
    return "".join(secrets.choice(_LETTERS) for _ in range(9))


class Plain:
    """Knows no calls."""

    def feed(self, text: str) -> Found:
        """Give all back as content."""
        return Found(content=text)

    def end(self) -> Found:
        """Hold nothing back."""
        return Found()


class Named:
    """The whole answer is the arguments of one call."""

    def __init__(self, name: str, call_id: str) -> None:
        self._call: Call | None = Call(name=name, id=call_id, arguments="")

    def feed(self, text: str) -> Found:
        """Give *text* as arguments."""
        call, self._call = self._call, None
        if call is None:
            return Found(calls=[Call(arguments=text)] if text else [])
        return Found(calls=[msgspec.structs.replace(call, arguments=text)])

    def end(self) -> Found:
        """Hold nothing back."""
        return self.feed("") if self._call is not None else Found()


class Listed:
    """The answer is a JSON list of calls, which a grammar sees to."""

    def __init__(self, names: Container[str], new_id: Any) -> None:  # noqa: ANN401 - makes ids
        self._names = names
        self._new_id = new_id
        self._text = ""
        self._begun = False

    def feed(self, text: str) -> Found:
        """Give each call once its object is whole."""
        self._text += text
        found = Found(calls=[])
        if not self._begun and self._text.lstrip().startswith("["):
            self._begun = True
            self._text = self._text.lstrip()[1:]
        while self._begun and "}" in text:
            rest = self._text.lstrip(" \n\t,")
            decoded = _decoded(rest)
            if decoded is None:
                break
            call = _call(decoded[0], self._names, self._new_id)
            if call is None:
                break
            found.calls.append(call)
            self._text = rest[decoded[1] :]
        return found

    def end(self) -> Found:
        """Give as content what became no call: the answer was cut off."""
        rest, self._text = self._text, ""
        return Found(content="" if rest.strip(" \n\t,]") == "" else rest)


class Tagged:
    """Calls stand between tags, as Hermes' and Qwen's models write them."""

    _start, _end = "<tool_call>", "</tool_call>"

    def __init__(self, names: Container[str], new_id: Any) -> None:  # noqa: ANN401 - makes ids
        self._names = names
        self._new_id = new_id
        self._text = ""
        self._is_inside = False

    def feed(self, text: str) -> Found:
        """Give the content before, between and behind calls, and the calls."""
        self._text += text
        found = Found(calls=[])
        while self._step(found):
            pass
        return found

    def _step(self, found: Found) -> bool:
        tag = self._end if self._is_inside else self._start
        before, is_there, rest = self._text.partition(tag)
        if self._is_inside:
            if not is_there:
                return False
            self._close(before, found, tag)
        elif is_there:
            found.content += before.rstrip()
        else:
            kept = _held(self._text, self._start)
            found.content += self._text[: len(self._text) - kept]
            self._text = self._text[len(self._text) - kept :]
            return False
        self._text = rest
        self._is_inside = not self._is_inside
        return True

    def _close(self, body: str, found: Found, tag: str) -> None:
        decoded = _decoded(body.strip())
        call = decoded and _call(decoded[0], self._names, self._new_id)
        if call:
            found.calls.append(call)
        else:
            found.content += self._start + body + tag

    def end(self) -> Found:
        """Give what has no end tag: a call if it is one, else content."""
        found = Found(calls=[])
        text, self._text = self._text, ""
        if self._is_inside:
            self._close(text, found, "")
        elif text.strip():
            found.content = text
        return found


class Rest:
    """All behind *marker* is calls, as Mistral's models write them."""

    def __init__(self, marker: str, names: Container[str], new_id: Any) -> None:  # noqa: ANN401 - makes ids
        self._marker = marker
        self._names = names
        self._new_id = new_id
        self._text = ""
        self._is_behind = False

    def feed(self, text: str) -> Found:
        """Give the content before the marker."""
        self._text += text
        if self._is_behind:
            return Found()
        before, marker, rest = self._text.partition(self._marker)
        if marker:
            self._is_behind = True
            self._text = rest
            return Found(content=before.rstrip())
        kept = _held(self._text, self._marker)
        self._text = before[len(before) - kept :]
        return Found(content=before[: len(before) - kept])

    def end(self) -> Found:
        """Give the calls, or as content what is none."""
        if not self._is_behind:
            return Found(content=self._text if self._text.strip() else "")
        calls = _sequence(
            self._text.replace(self._marker, " "), self._names, self._new_id
        )
        return (
            Found(content=self._marker + self._text)
            if calls is None
            else Found(calls=calls)
        )


class Whole:
    """An answer that is JSON is calls, as Llama's models write them."""

    def __init__(self, names: Container[str], new_id: Any) -> None:  # noqa: ANN401 - makes ids
        self._names = names
        self._new_id = new_id
        self._text = ""
        self._is_plain = False

    def feed(self, text: str) -> Found:
        """Give content, unless it may become a call."""
        if self._is_plain:
            return Found(content=text)
        self._text += text
        start = self._text.lstrip()
        if not start or start[0] == "{" or _PYTHON.startswith(start[: len(_PYTHON)]):
            return Found()
        self._is_plain = True
        text, self._text = self._text, ""
        return Found(content=text)

    def end(self) -> Found:
        """Give the calls, or as content what is none."""
        text = self._text.strip().removeprefix(_PYTHON)
        calls = _sequence(text, self._names, self._new_id) if text else None
        return (
            Found(content=self._text if text else "")
            if calls is None
            else Found(calls=calls)
        )


def _held(text: str, marker: str) -> int:
    """Return how much of the end of *text* may begin *marker*, blanks before it too."""
    for size in range(min(len(text), len(marker) - 1), 0, -1):
        if marker.startswith(text[-size:]):
            blank = text[:-size]
            return size + len(blank) - len(blank.rstrip())
    return len(text) - len(text.rstrip())


def _decoded(text: str) -> tuple[Any, int] | None:
    """Return the JSON value that *text* begins with, and where it ends."""
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError):
        return None
    return value, end


def _call(value: object, names: Container[str], new_id: Any) -> Call | None:  # noqa: ANN401 - makes ids
    if not isinstance(value, dict):
        return None
    name = value.get("name")
    arguments = value.get("arguments", value.get("parameters", {}))
    if isinstance(arguments, str):
        decoded = _decoded(arguments)
        arguments = decoded[0] if decoded else None
    if not isinstance(name, str) or name not in names:
        return None
    if not isinstance(arguments, dict):
        return None
    text = json.dumps(arguments, ensure_ascii=False)
    return Call(name=name, id=new_id(), arguments=text)


def _sequence(text: str, names: Container[str], new_id: Any) -> list[Call] | None:  # noqa: ANN401 - makes ids
    """Return the calls that *text* is, all of it; None if it is anything else.

    They are JSON objects one after another, in a list or not, or each the name of a
    function with its arguments behind it.
    """
    calls: list[Call] = []
    rest = text.strip(" \n\t;")
    while rest:
        named = _NAMED.match(rest)
        behind = rest[named.end() :] if named else rest
        decoded = _decoded(behind)
        if decoded is None:
            return None
        value, end = decoded
        found = (
            [{"name": named["name"], "arguments": value}]
            if named
            else value
            if isinstance(value, list)
            else [value]
        )
        made = [_call(each, names, new_id) for each in found]
        if not made or None in made:
            return None
        calls += [call for call in made if call is not None]
        rest = behind[end:].strip(" \n\t;,")
    return calls or None
