"""`SettingsSpec`: one setting, declared once with its type, default and help."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingsSpec:
    """One setting: ``[section] key`` of inferry.toml, INFERRY_<SECTION>__<KEY>.

    A plugin of a third party owns the section ``plugins.<its name>`` and no other.
    ``list`` and ``map`` hold strings; ``secret`` values are never printed.
    """

    section: str
    key: str
    type: Literal["bool", "float", "int", "list", "map", "str"] = "str"
    default: Any = None
    help: str = ""
    secret: bool = False

    def __post_init__(self) -> None:
        if not re.match(r"[a-z][a-z0-9_]*\Z", self.key):
            msg = f"setting key {self.key!r} must be lower_snake_case"
            raise ValueError(msg)
