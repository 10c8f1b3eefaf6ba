"""From the words of the command line to checked values.

A flag may be spelt in snake_case, in camelCase or with hyphens. None is ignored in
silence: each has an effect, or is reported, or is refused. ``--flag`` is for every
model that knows it and ``--NAME.flag`` for the model NAME alone, which wins.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from inferry.errors import SettingsError
from inferry_server.cli.declared import (
    ALIASES,
    CHOICES,
    LISTS,
    MODEL,
    REFUSED,
    SERVER,
    SWITCHES,
    WHICH,
    WITHOUT_EFFECT,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from inferry.plugins import Option

_TRUE = frozenset({"1", "on", "true", "yes"})
_FALSE = frozenset({"0", "false", "no", "off"})
#: The flags of gRPC have this for "any size".
_ANY = -1
_SIGNED = frozenset({"grpcMaxReceiveMessageLength", "grpcMaxSendMessageLength"})


class Flags(Struct, frozen=True):
    """A command line that was understood.

    Each has what was given by camelCase name: ``server`` the server's flags,
    ``for_all`` those of every model, ``for_one`` those of one, by its name. ``options``
    by the name of a model is what its runtime is told, defaults included. ``notes``
    says which flags have no effect.
    """

    server: dict[str, Any]
    for_all: dict[str, Any]
    for_one: dict[str, dict[str, Any]]
    options: dict[str, dict[str, Any]]
    notes: list[str]

    def of(self, model: str) -> dict[str, Any]:
        """Return the flags of *model*."""
        return self.for_all | self.for_one[model]


def parse(argv: Sequence[str], models: Mapping[str, Sequence[Option] | None]) -> Flags:
    """Read *argv*; *models* are the options of each model, None where it takes any.

    Raises:
        SettingsError: Listing everything that is wrong.

    """
    reader = _Reader(models)
    for name, text in _words(argv, reader.switches, reader.problems):
        reader.take(name, text)
    if reader.problems:
        text = "; ".join(reader.problems)
        raise SettingsError(text, problems=reader.problems)
    return reader.flags()


def peek(argv: Sequence[str], name: str) -> list[str]:
    """Return the values of the flag *name* in *argv*; nothing is checked."""
    found = []
    for at, text in enumerate(argv):
        flag, equals, value = text.partition("=")
        if flag.startswith("--") and plain(flag) == plain(name):
            found.append(value if equals else "".join(argv[at + 1 : at + 2]))
    return found


def plain(name: str) -> str:
    """Return *name* as all its spellings have it in common."""
    return name.replace("_", "").replace("-", "").lower()


def snake(name: str) -> str:
    """Return *name* as messages and ``--help`` spell it."""
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def near(name: str, names: Iterable[str]) -> str:
    """Return what to do about the unknown flag *name*, to put behind a message."""
    from difflib import get_close_matches

    found = get_close_matches(snake(name).replace("-", "_"), sorted(names), n=1)
    return f"; did you mean --{found[0]}?" if found else "; --help lists them"


class _Reader:
    """Takes one flag after the other."""

    def __init__(self, models: Mapping[str, Sequence[Option] | None]) -> None:
        self.problems: list[str] = []
        self._notes: list[str] = []
        self._declared = {
            model: {plain(option.name): option for option in options or ()}
            for model, options in models.items()
        }
        self._takes_any = {model for model in models if models[model] is None}
        self._server = {plain(option.name): option for option in (*WHICH, *SERVER)}
        self._model = {plain(option.name): option for option in MODEL}
        for alias, name in ALIASES.items():
            table = self._server if plain(name) in self._server else self._model
            table[plain(alias)] = table[plain(name)]
        self._quiet = {plain(name): name for name in WITHOUT_EFFECT}
        self._refused = {plain(name): why for name, why in REFUSED.items()}
        self._given: dict[str, Any] = {}
        self._for_all: dict[str, Any] = {}
        self._for_one: dict[str, dict[str, Any]] = {model: {} for model in models}
        self._options_for_all: dict[str, dict[str, Any]] = {m: {} for m in models}
        self._options_for_one: dict[str, dict[str, Any]] = {m: {} for m in models}

    @property
    def switches(self) -> set[str]:
        """The flags that may stand without a value."""
        tables = (self._server, self._model, *self._declared.values())
        found = {
            key
            for table in tables
            for key, option in table.items()
            if option.type == "bool"
        }
        return found | {plain(name) for name in SWITCHES}

    def take(self, name: str, text: str | None) -> None:
        """Take one flag; what is wrong with it goes to ``problems``."""
        model, dot, inner = name.rpartition(".")
        if dot:
            self._take_for_one(model, inner, text)
            return
        key = plain(name)
        owners = [model for model in self._declared if key in self._declared[model]]
        if key in self._server:
            self._store(self._server[key], text, self._given)
        elif key in self._model:
            self._store(self._model[key], text, self._for_all)
        elif key in self._quiet:
            why = WITHOUT_EFFECT[self._quiet[key]]
            self._notes.append(f"--{name} has no effect: {why}")
        elif key in self._refused:
            self.problems.append(f"--{name}: {self._refused[key]}")
        elif owners:
            for owner in owners:
                option = self._declared[owner][key]
                self._store(option, text, self._options_for_all[owner])
        else:
            self.problems.append(f"unknown flag --{name}{near(name, self._names())}")

    def _take_for_one(self, model: str, name: str, text: str | None) -> None:
        if model not in self._declared:
            known = ", ".join(self._declared) or "none"
            self.problems.append(
                f"--{model}.{name}: there is no --model {model}; there is {known}"
            )
            return
        key = plain(name)
        declared = self._declared[model]
        if key in declared:
            self._store(declared[key], text, self._options_for_one[model], model)
        elif key in self._model:
            self._store(self._model[key], text, self._for_one[model], model)
        elif key in self._server:
            self.problems.append(
                f"--{model}.{name}: this is one for all models; write --{name}"
            )
        elif model in self._takes_any:
            self._options_for_one[model][name] = "true" if text is None else text
        else:
            names = [*declared.values(), *MODEL]
            spelt = {f"{model}.{snake(option.name)}" for option in names}
            hint = near(f"{model}.{name}", spelt)
            self.problems.append(f"unknown flag --{model}.{name}{hint}")

    def _names(self) -> set[str]:
        tables = (self._server, self._model, *self._declared.values())
        names = {snake(option.name) for table in tables for option in table.values()}
        return names | {*WITHOUT_EFFECT, *ALIASES}

    def _store(
        self,
        option: Option,
        text: str | None,
        target: dict[str, Any],
        model: str = "",
    ) -> None:
        flag = f"--{model}.{snake(option.name)}" if model else f"--{snake(option.name)}"
        try:
            value = _convert(option.type, text)
        except (TypeError, ValueError):
            given = "nothing" if text is None else repr(text)
            kinds = {"bool": "true or false", "float": "a number"}
            wanted = kinds.get(option.type, "a value")
            wanted = "a whole number" if option.type == "int" else wanted
            self.problems.append(f"{flag} takes {wanted}, not {given}")
            return
        ours = any(option is one for one in (*WHICH, *SERVER, *MODEL))
        if ours and (problem := _refusal(option.name, value)):
            self.problems.append(f"{flag} is {value!r}, expected {problem}")
        elif ours and option.name in LISTS:
            target[option.name] = (*target.get(option.name, ()), *_items(option, value))
        else:
            target[option.name] = value

    def flags(self) -> Flags:
        """Return everything that was taken."""
        return Flags(
            self._given,
            self._for_all,
            self._for_one,
            {model: self._options(model) for model in self._declared},
            self._notes,
        )

    def _options(self, model: str) -> dict[str, Any]:
        defaults = {
            option.name: option.default for option in self._declared[model].values()
        }
        return {
            **defaults,
            **self._options_for_all[model],
            **self._options_for_one[model],
        }


def _items(option: Option, value: str) -> list[str]:
    if option.name == "model":  # a path may hold a comma
        return [value]
    return [item.strip() for item in value.split(",") if item.strip()]


def _refusal(name: str, value: object) -> str:
    """Return what was expected where *value* cannot be that of our flag *name*."""
    if name in CHOICES and value not in CHOICES[name]:
        return f"one of {', '.join(CHOICES[name])}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ""
    least = _ANY if name in _SIGNED else 0
    return "" if value >= least else f"{least} or more"


def _words(
    argv: Sequence[str], switches: set[str], problems: list[str]
) -> Iterable[tuple[str, str | None]]:
    rest = list(argv)
    while rest:
        text = rest.pop(0)
        if not text.startswith("--") or text == "--":
            problems.append(f"{text!r} is no flag; write {_flag_for(text)}")
            continue
        name, equals, value = text[2:].partition("=")
        switch = plain(name.rpartition(".")[2]) in switches
        if equals:
            yield name, value
        elif rest and _is_value(rest[0], switch=switch):
            yield name, rest.pop(0)
        else:
            yield name, None


def _flag_for(text: str) -> str:
    """Return how *text*, which is no flag, was most likely meant."""
    return f"--model {text}" if re.match(r"[\w.-]+=\w", text) else "--name=value"


def _is_value(text: str, *, switch: bool) -> bool:
    return text.lower() in _TRUE | _FALSE if switch else not text.startswith("--")


def _convert(kind: str, text: str | None) -> Any:  # noqa: ANN401 - by kind
    if kind == "bool":
        word = "true" if text is None else text.lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(word)
        return word in _TRUE
    if text is None:
        raise TypeError
    if kind == "float" and not math.isfinite(float(text)):
        raise ValueError(text)
    return {"float": float, "int": int, "str": str}[kind](text)
