"""The page of the flags of ``python -m inferry_server``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inferry.plugins import Option

    Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]

_PAGE = """\
# Flags of the model server

`python -m inferry_server` starts one; [how to serve several models](../how-to/serve-several-models.md) shows it at work.
A flag may be spelt in snake_case, in camelCase or with hyphens, and takes its value after `=` or a blank.
None is ignored in silence: a misspelt one is refused with the one that was most likely meant.
Where a setting of `[server]` is the same thing, the flag wins.

The process ends with 0 after SIGTERM or SIGINT, with 1 where a port cannot be had, and with 2 where the command line or the settings are wrong.
A model that fails ends nothing: it is not ready, and the log and `/v2/models/NAME/ready` say why.

## Which models

{which}

## The server

### Where it listens

{listens}

### What is open, and to whom

{opens}

### Limits

{limits}

### Logs and traces

{tells}

### Start and end

{lives}

## Each model

`--flag` is for every model, `--NAME.flag` for the model `NAME` alone, which wins.
The options of a runtime are given in the same two ways; those of a class are always given with its name.

{calls}

### Copies of its requests and answers

{copies}

### A class in front of another server's model

{fronts}

## Flags of KServe's model server

Those that are not above mean one that is, change nothing, which is told at the start, or are refused.

{kserve}
"""


def write_flags(table: Table) -> str:
    """Return the page, from the tables that the command line is read with."""
    from inferry_server.cli import declared
    from inferry_server.cli.flags import snake
    from inferry_server.cli.specs import default_of

    def rows(options: Iterable[Option]) -> list[tuple[str, ...]]:
        return [
            (
                f"`--{snake(option.name)}`",
                "list" if option.name in declared.LISTS else option.type,
                f"`{default_of(option)}`" if default_of(option) else "",
                option.help,
            )
            for option in options
        ]

    head = ("flag", "type", "default", "meaning")
    kserve = [
        *((f"`--{name}`", f"`--{snake(o)}`") for name, o in declared.ALIASES.items()),
        *((f"`--{name}`", f"none: {w}") for name, w in declared.WITHOUT_EFFECT.items()),
        *((f"`--{name}`", f"refused: {w}") for name, w in declared.REFUSED.items()),
    ]
    return _PAGE.format(
        which=table(head, rows(declared.WHICH)),
        listens=table(head, rows(declared.LISTENS)),
        opens=table(head, rows(declared.OPENS)),
        limits=table(head, rows(declared.LIMITS)),
        tells=table(head, rows(declared.TELLS)),
        lives=table(head, rows(declared.LIVES)),
        calls=table(head, rows(declared.CALLS)),
        copies=table(head, rows(declared.COPIES)),
        fronts=table(head, rows(declared.FRONTS)),
        kserve=table(("flag", "here"), kserve),
    )
