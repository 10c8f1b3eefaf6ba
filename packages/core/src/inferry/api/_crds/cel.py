"""`Rule`, and the pieces of CEL that several rules are made of.

Each rule says what the loader says, in KServe's words where it has some, and what to
do. It may let pass what the loader refuses, never the other way round.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule: CEL that must be true of the object, and what to say if it is not.

    ``expression`` is CEL that makes the message, where it names what was found;
    ``field`` is the path, below the object, that the message is about.
    """

    rule: str
    message: str
    expression: str = ""
    field: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the rule as Kubernetes spells it."""
        plain = {"rule": self.rule, "message": self.message}
        if self.expression:
            plain["messageExpression"] = self.expression
        if self.field:
            plain["fieldPath"] = self.field
        return plain


def all_env(where: str, variable: str, rule: str) -> str:
    """Return CEL that holds when *rule* does for each variable of a container."""
    return f"!has({where}.env) || {where}.env.all({variable}, {rule})"


_NAME = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
MAIN = "'kserve-container'"
CUSTOM = f"has(self.containers) && self.containers.exists(c, c.name == {MAIN})"


def images(field: str) -> str:
    """Return CEL that holds when each container of *field* has an image."""
    return (
        f"!has(self.{field}) || self.{field}.all(c, has(c.image) && c.image.size() > 0)"
    )


NAMED = Rule(
    rule=f"self.metadata.name.matches('{_NAME}')",
    message="the name must be lower case letters, digits and '-' after a letter",
    expression=(
        "'the ' + self.kind + ' \"' + self.metadata.name + '\" is invalid: a name must "
        "consist of lower case alphanumeric characters or \\'-\\', and must start "
        'with alphabetical character (e.g. "my-name" or "abc-123")\''
    ),
    field=".metadata.name",
)
#: Rules about every list called ``env``.
ENV_RULES = (
    Rule(
        rule="self.all(e, e.name != 'PYTHONPATH' && e.name != 'LD_PRELOAD')",
        message=(
            "setting PYTHONPATH or LD_PRELOAD in a container is not allowed for "
            "security reasons; remove it"
        ),
    ),
)

MIN_TO_MAX = Rule(
    rule=(
        "!has(self.minReplicas) || !has(self.maxReplicas) "
        "|| self.maxReplicas == 0 || self.minReplicas <= self.maxReplicas"
    ),
    message="'MinReplicas' cannot be greater than MaxReplicas",
    field=".minReplicas",
)
