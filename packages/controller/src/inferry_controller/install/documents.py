"""Objects as documents of YAML, as people like to read them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

#: No line is folded: folded ones are hard to compare.
_WIDTH = 1_000_000


def documents(objects: Iterable[dict[str, Any]]) -> str:
    """Return *objects* as documents of YAML."""
    return "".join(f"---\n{dump(each)}" for each in objects)


def dump(value: object) -> str:
    """Return *value* as YAML, in the order it has."""
    text: str = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH
    )
    return text


#: libyaml writes the kinds in a tenth of the time.
_Base: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_Base):  # type: ignore[valid-type,misc]
    """Texts of several lines are written as such; nothing is an alias."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - of the base
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def scalar(value: float | str | None) -> str:
    """Return *value* as YAML, on one line."""
    return _scalar(type(value).__name__, value)


@cache
def _scalar(_: str, value: object) -> str:
    # The type tells 1 from true, which are equal.
    text: str = yaml.dump(value, Dumper=_Dumper, default_flow_style=True, width=_WIDTH)
    return text.removesuffix("\n").removesuffix("\n...")
