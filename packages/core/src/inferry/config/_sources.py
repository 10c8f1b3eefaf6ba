"""Where settings come from: a TOML file, the environment, ``--set section.key=value``.

Each source becomes a list of `Given`, still without types: what a key means is known
only once the plugins have declared theirs.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferry.config._specs import SHORT_VARIABLES
from inferry.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PREFIX = "INFERRY_"
_DEFAULT_FILE = "inferry.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One value as somebody gave it.

    ``path`` is the dotted name in parts (``("plugins", "onnx", "threads")``). A part
    of a variable's name is in lower case with ``_`` where the section has ``-``.
    Whether the value is secret is not known yet, so it is not in the repr.
    """

    path: tuple[str, ...]
    value: Any = field(repr=False)
    origin: str
    text: bool = False
    folded: bool = False

    @property
    def section(self) -> str:
        """Everything before the last part."""
        return ".".join(self.path[:-1])

    @property
    def key(self) -> str:
        """The last part."""
        return self.path[-1]


def fold(name: str) -> str:
    """Return *name* as a variable's name can spell it."""
    return name.lower().replace("-", "_")


def find_file(path: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Return the settings file to read: the one named, or ./inferry.toml if it exists.

    Raises:
        SettingsError: A file was named but is not there.

    """
    named = path or (
        Path(environ["INFERRY_CONFIG"]) if environ.get("INFERRY_CONFIG") else None
    )
    if named is not None:
        if not named.is_file():
            source = "" if path else " (from INFERRY_CONFIG)"
            raise SettingsError(f"settings file {named}{source} does not exist")
        return named
    default = Path(_DEFAULT_FILE)
    return default if default.is_file() else None


def read_file(path: Path) -> tuple[Given, ...]:
    """Return what *path* holds.

    Raises:
        SettingsError: It cannot be read or is no TOML.

    """
    try:
        text = path.read_text("utf-8")
    except OSError as exc:
        raise SettingsError(f"{path}: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise SettingsError(f"{path}: not a TOML file: {exc}") from exc
    return read_text(text, str(path))


def read_text(text: str, origin: str) -> tuple[Given, ...]:
    """Return what *text*, the content of a settings file, holds.

    Raises:
        SettingsError: It is no TOML.

    """
    try:
        document = tomllib.loads(text)
    except (ValueError, RecursionError) as exc:
        raise SettingsError(f"{origin}: not a TOML file: {exc}") from exc
    return tuple(_flatten(document, (), origin))


def _flatten(
    table: Mapping[str, Any], path: tuple[str, ...], origin: str
) -> Iterator[Given]:
    for key, value in table.items():
        here = (*path, key)
        if isinstance(value, dict) and value:
            yield from _flatten(value, here, origin)
        else:
            yield Given(path=here, value=value, origin=origin)


def read_environment(environ: Mapping[str, str]) -> tuple[Given, ...]:
    """Return what *environ* sets: INFERRY_<SECTION>__<KEY> and the short names."""
    found = []
    for name in sorted(environ):
        if name in SHORT_VARIABLES:
            path: tuple[str, ...] = SHORT_VARIABLES[name]
        elif name.startswith(_PREFIX) and "__" in name[len(_PREFIX) :]:
            path = tuple(name[len(_PREFIX) :].lower().split("__"))
        else:
            continue
        found.append(
            Given(path=path, value=environ[name], origin=name, text=True, folded=True)
        )
    return tuple(found)


def read_overrides(overrides: Mapping[str, str]) -> tuple[Given, ...]:
    """Return what ``--set`` gave."""
    return tuple(
        Given(path=tuple(name.split(".")), value=text, origin="--set", text=True)
        for name, text in overrides.items()
    )


def current_environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ
