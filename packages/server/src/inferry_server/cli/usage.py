"""The text of ``--help``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_server.cli.declared import ALIASES, MODEL, SERVER, WHICH, WITHOUT_EFFECT
from inferry_server.cli.flags import snake

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inferry.plugins import Option

_WIDTH = 34


def usage(options: Mapping[str, Sequence[Option]]) -> str:
    """Return the text of ``--help``; *options* are those of each runtime named."""
    lines = [
        "python -m inferry_server --model NAME=RUNTIME[:PATH] [--model ...]",
        "python -m inferry_server --model NAME=module:Class[:PATH]",
        "python -m inferry_server (--runtime NAME | --model_class MODULE:CLASS)",
        *_section("Models:", WHICH),
        *_section("The server:", SERVER),
        *_section("Each model, or one alone as --NAME.flag=value:", MODEL),
    ]
    for runtime, declared in options.items():
        lines += _section(f"Options of the runtime {runtime}:", declared)
    lines += ["", "Flags of KServe that mean one of the above:", ""]
    lines += [f"  --{name:{_WIDTH}} --{snake(ours)}" for name, ours in ALIASES.items()]
    lines += ["", "Flags of KServe without an effect here:", ""]
    lines += [f"  --{name:{_WIDTH}} {why}" for name, why in WITHOUT_EFFECT.items()]
    return "\n".join(lines)


def _section(title: str, options: Iterable[Option]) -> list[str]:
    listed = [_line(option) for option in options]
    return ["", title, "", *listed] if listed else []


def _line(option: Option) -> str:
    default = option.default
    if isinstance(default, bool):
        default = str(default).lower()
    default = "" if default in (None, "") else f" (default {default})"
    return f"  --{snake(option.name):{_WIDTH}} {option.help}{default}"
