"""The text of ``--help``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_server.cli import declared
from inferry_server.cli.flags import snake
from inferry_server.cli.specs import default_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inferry.plugins import Option

_WIDTH = 34
_INTRODUCTION = (
    "Serve models over KServe's V1, V2 and gRPC until SIGTERM or Ctrl-C.",
    "",
    "python -m inferry_server --model NAME=RUNTIME[:PATH] [--model ...] [flags]",
    "python -m inferry_server --model NAME=module:Class[:PATH] [flags]",
    "python -m inferry_server (--runtime NAME | --model_class MODULE:CLASS) [flags]",
    "",
    "For example: python -m inferry_server --model iris=onnx:model.onnx",
    "A flag takes its value after '=' or a blank; the docs have each with examples.",
)


def usage(options: Mapping[str, Sequence[Option]]) -> str:
    """Return the text of ``--help``; *options* are those of each runtime named."""
    lines = [
        *_INTRODUCTION,
        *_section("Models:", declared.WHICH),
        *_section("Where it listens:", declared.LISTENS),
        *_section("What is open, and to whom:", declared.OPENS),
        *_section("Limits:", declared.LIMITS),
        *_section("Logs and traces:", declared.TELLS),
        *_section("Start and end:", declared.LIVES),
        *_section("Each model, or one alone as --NAME.flag=value:", declared.CALLS),
        *_section("Copies of its requests and answers:", declared.COPIES),
        *_section("A class in front of another server's model:", declared.FRONTS),
    ]
    for runtime, own in options.items():
        lines += _section(f"Options of the runtime {runtime}:", own)
    lines += ["", "Flags of KServe that mean one of the above:", ""]
    lines += [
        f"  --{name:{_WIDTH}} --{snake(ours)}"
        for name, ours in declared.ALIASES.items()
    ]
    lines += ["", "Flags of KServe without an effect here:", ""]
    lines += [
        f"  --{name:{_WIDTH}} {why}" for name, why in declared.WITHOUT_EFFECT.items()
    ]
    return "\n".join(lines)


def _section(title: str, options: Iterable[Option]) -> list[str]:
    listed = [_line(option) for option in options]
    return ["", title, "", *listed] if listed else []


def _line(option: Option) -> str:
    default = default_of(option)
    default = f" (default {default})" if default else ""
    return f"  --{snake(option.name):{_WIDTH}} {option.help}{default}"
