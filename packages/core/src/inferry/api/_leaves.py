"""Single values: is a node the text, number or truth value that its field wants?"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from inferry._suggest import closest
from inferry.api._nodes import Mapping, Node, Scalar, Sequence
from inferry.api._problems import Path, Problem, Severity, spell
from inferry.api._scalars import name_of

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PROBLEMS = 1000

_LONGEST_MESSAGE = 400
#: The most of nearly every number of Kubernetes; a larger one would lose its high bits.
INT32 = 2**31 - 1
_INT64 = 2**63 - 1
#: The fields that hold more, by their names.
_LONG = frozenset(
    {
        "activeDeadlineSeconds",
        "expirationSeconds",
        "terminationGracePeriodSeconds",
        "tolerationSeconds",
    }
)
QUANTITY = re.compile(
    r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?"
)


class Place(Protocol):
    """Whatever stands at a line and a column."""

    line: int
    column: int


@dataclass(slots=True)
class Sink:
    """Collects the problems of one file, each where it stands.

    A file of nothing but mistakes is told so after `MAX_PROBLEMS` of them.
    """

    file: str
    problems: list[Problem] = field(default_factory=list)
    errors: int = 0

    @property
    def full(self) -> bool:
        """Whether further problems are no longer kept."""
        return len(self.problems) > MAX_PROBLEMS

    def add(
        self,
        at: Place,
        path: Path,
        message: str,
        *,
        suggestion: str = "",
        severity: Severity = "error",
    ) -> None:
        """Keep a problem."""
        self.errors += severity == "error"
        if self.full:
            return
        if len(self.problems) == MAX_PROBLEMS:
            path, suggestion, severity = (), "", "error"
            message = f"there are more than {MAX_PROBLEMS} problems"
        if len(message) > _LONGEST_MESSAGE:
            message = f"{message[:_LONGEST_MESSAGE]} ..."
        problem = Problem(
            path=spell(path),
            message=message,
            file=self.file,
            line=at.line,
            column=at.column,
            suggestion=suggestion,
            severity=severity,
        )
        self.problems.append(problem)

    def choice(self, at: Place, path: Path, value: str, known: Iterable[str]) -> None:
        """Keep that *value* is none of *known*."""
        if self.full:
            self.errors += 1
            return
        names = sorted(known)
        message = f"is {value!r}, which is none of {', '.join(names)}"
        self.add(at, path, message, suggestion=closest(value, names))


def kind_of(node: Node) -> str:
    """Return what a node is, for a message: ``a list``, ``a number`` ..."""
    if isinstance(node, Mapping):
        return "a mapping"
    return "a list" if isinstance(node, Sequence) else name_of(node.value)


def is_null(node: Node) -> bool:
    """Say whether the node is YAML's null, which Kubernetes takes for absent."""
    return isinstance(node, Scalar) and node.value is None


def text(node: Node, path: Path, sink: Sink) -> str | None:
    """Return the text of *node*, or None with a problem."""
    if isinstance(node, Scalar):
        if isinstance(node.value, str):
            return node.value
        if node.value is not None:
            what = name_of(node.value)
            quoted = f'quote it: "{node.text}"'
            message = f"must be text, but YAML reads {node.text} as {what}; {quoted}"
            sink.add(node, path, message)
            return None
    sink.add(node, path, f"must be text, not {kind_of(node)}")
    return None


def whole(node: Node, path: Path, sink: Sink) -> int | None:
    """Return the whole number of *node*, or None with a problem."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, int) and not isinstance(value, bool):
        most = _INT64 if path and path[-1] in _LONG else INT32
        if -most <= value <= most:
            return value
        wrong = "large" if value > 0 else "small"
        bound = most if value > 0 else -most
        sink.add(node, path, f"is too {wrong}: {value}; the limit is {bound}")
        return None
    if isinstance(value, str) and re.fullmatch(r"-?\d{1,18}", value):
        sink.add(node, path, f"must be a number; remove the quotes around {value}")
        return None
    got = f"{value!r}" if isinstance(value, (str, float)) else kind_of(node)
    sink.add(node, path, f"must be a whole number, not {got}")
    return None


def truth(node: Node, path: Path, sink: Sink) -> bool | None:
    """Return the truth value of *node*, or None with a problem."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        sink.add(node, path, f"must be true or false; remove the quotes around {value}")
        return None
    got = f"{value!r}" if isinstance(value, str) else kind_of(node)
    sink.add(node, path, f"must be true or false, not {got}")
    return None


def quantity(node: Node, path: Path, sink: Sink) -> str | int | float | None:
    """Return a Kubernetes quantity as it is written, or None with a problem."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and QUANTITY.fullmatch(value):
        return value
    got = f"{value!r}" if isinstance(value, str) else kind_of(node)
    message = f"must be a quantity such as 500m, 2 or 1Gi, not {got}"
    sink.add(node, path, message)
    return None


def whole_or_text(node: Node, path: Path, sink: Sink) -> int | str | None:
    """Return a number or a name (Kubernetes' IntOrString), or None with a problem."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    return whole(node, path, sink)
