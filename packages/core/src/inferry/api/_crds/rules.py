"""The rules that CEL can say, by the type that they are about."""

from __future__ import annotations

RULES: dict[str, tuple[object, ...]] = {}
