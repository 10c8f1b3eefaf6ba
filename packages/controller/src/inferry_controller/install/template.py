"""The parts of an object that depend on options: one tree, read in two ways.

`resolve` fills a tree with values and gives the object; `.helm` writes the same tree as
a template, for Helm to fill in. So a chart can say nothing that the plain manifests do
not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]
#: The name below which the value of a loop stands while it runs.
ITEM = "$item"


@dataclass(frozen=True, slots=True)
class Ref:
    """The value at a dotted path; ``helm`` is how Helm calls it, if not so.

    ``whole`` says that it is a number or true or false, ``tree`` that it is a mapping
    or a list; otherwise it is text.
    """

    path: str
    helm: str = ""
    whole: bool = False
    tree: bool = False

    @property
    def expression(self) -> str:
        """The value in the language of Helm's templates."""
        return self.helm or f".Values.{self.path}"

    def of(self, values: Values) -> Any:  # noqa: ANN401 - what a value may be
        """Return the value."""
        found: Any = values
        for part in self.path.split("."):
            found = found[part]
        return found


#: The namespace that the install goes to; a release knows its own.
NAMESPACE = Ref("namespace", helm="$.Release.Namespace")
#: What a loop is at.
EACH = Ref(ITEM, helm="$item")


@dataclass(frozen=True, slots=True)
class Joined:
    """Text with values inside."""

    parts: tuple[str | Ref, ...]


def joined(*parts: str | Ref) -> Joined:
    """Return text made of *parts*."""
    return Joined(parts)


@dataclass(frozen=True, slots=True)
class Test:
    """A question that both languages can ask."""

    __test__ = False  # not one of pytest's

    helm: str
    holds: Callable[[Values], bool]


def given(ref: Ref) -> Test:
    """Return whether *ref* is true, or not empty."""
    return Test(ref.expression, lambda values: bool(ref.of(values)))


def equals(ref: Ref, value: str) -> Test:
    """Return whether *ref* is *value*."""
    return Test(
        f'eq {ref.expression} "{value}"', lambda values: ref.of(values) == value
    )


def more_than(ref: Ref, number: int) -> Test:
    """Return whether *ref* is above *number*."""
    # Helm reads numbers of a values file as floats.
    return Test(
        f"gt (int {ref.expression}) {number}", lambda values: ref.of(values) > number
    )


@dataclass(frozen=True, slots=True)
class When:
    """A part that is there only where the test holds."""

    test: Test
    part: Any


@dataclass(frozen=True, slots=True)
class Spread:
    """As a key: the entries of the mapping at ``ref`` stand here."""

    ref: Ref


@dataclass(frozen=True, slots=True)
class Listed:
    """A list with an item made by ``part`` for each item of ``ref``."""

    ref: Ref
    part: Any


@dataclass(frozen=True, slots=True)
class Code:
    """A part that is said in each language by itself; tests compare the two."""

    helm: str
    made: Callable[[Values], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One object, or one for each item of ``each``, where ``when`` holds.

    ``file`` is the file it goes to, where an install is a folder.
    """

    file: str
    body: Mapping[Any, Any]
    when: tuple[Test, ...] = ()
    each: Ref | None = None

    def objects(self, values: Values) -> list[dict[str, Any]]:
        """Return the objects for *values*."""
        if not all(test.holds(values) for test in self.when):
            return []
        if self.each is None:
            return [resolve(self.body, values)]
        return [
            resolve(self.body, {**values, ITEM: item}) for item in self.each.of(values)
        ]


def resolve(part: Any, values: Values) -> Any:  # noqa: ANN401, PLR0911 - any part of an object
    """Return *part* with *values* in it."""
    match part:
        case Ref():
            return part.of(values)
        case Joined():
            return "".join(
                each if isinstance(each, str) else str(each.of(values))
                for each in part.parts
            )
        case Code():
            return part.made(values)
        case Listed():
            return [
                resolve(part.part, {**values, ITEM: item})
                for item in part.ref.of(values)
            ]
        case Mapping():
            return _mapping(part, values)
        case list() | tuple():
            shown = (_shown(each, values) for each in part)
            return [resolve(each, values) for each in shown if each is not _NOTHING]
    return part


_NOTHING = object()


def _shown(part: Any, values: Values) -> Any:  # noqa: ANN401 - as `resolve`
    while isinstance(part, When):
        if not part.test.holds(values):
            return _NOTHING
        part = part.part
    return part


def _mapping(part: Mapping[Any, Any], values: Values) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in part.items():
        if isinstance(key, Spread):
            found.update(key.ref.of(values))
            continue
        shown = _shown(value, values)
        if shown is not _NOTHING:
            found[key] = resolve(shown, values)
    return found
