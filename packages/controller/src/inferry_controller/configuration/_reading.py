"""Reading the ConfigMap: every problem at once, and what is right all the same."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inferry._suggest import closest, did_you_mean
from inferry.config import SECTION_OWNERS, Given, Settings, load_settings, read_text
from inferry.errors import SettingsError
from inferry_controller.configuration._fields import FIELDS, Field, Idle
from inferry_controller.configuration._several import (
    kind_of_ingress,
    rollout,
    storage_image,
)
from inferry_controller.options import render_options
from inferry_controller.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OWN_KEY = "inferry.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a ConfigMap says: the values, what is wrong, and what has no effect here.

    ``given`` holds only values that settings take, so it is of use even where there are
    ``problems``. Problems and notes are one line each.
    """

    given: tuple[Given, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def settings(self, environ: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of a process with this configuration.

        A file that ``$INFERRY_CONFIG`` names is below it, the environment above.

        Raises:
            SettingsError: The file or the environment has problems.

        """
        settings = load_settings(environ=environ, given=self.given)
        settings.declare(SETTINGS)
        return settings


def read(data: Mapping[str, str], origin: str) -> Configuration:
    """Return what *data*, the data of the ConfigMap *origin*, says.

    *origin* is how messages call it: ``ConfigMap inferry/inferenceservice-config``.
    """
    reading = _Reading(origin)
    for key in sorted(data, key=lambda each: (each == OWN_KEY, each)):
        reading.key(key, data[key])
    return reading.done()


class _Reading:
    """One pass over the keys; collects."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._given: list[Given] = []
        self._problems: list[str] = []
        self._notes: list[str] = []

    def key(self, key: str, text: object) -> None:
        """Read one key of the ConfigMap."""
        if key.startswith("_"):
            return  # KServe ships its example so
        if not isinstance(text, str):
            self._problem(key, "must be a text")
        elif key == OWN_KEY:
            self._toml(text)
        elif key in FIELDS:
            self._section(key, text)
        else:
            known = [*FIELDS, OWN_KEY]
            self._problem(key, f"unknown key{did_you_mean(key, known)}")

    def done(self) -> Configuration:
        """Return what was found, without the values that no setting takes."""
        good = []
        for given in self._given:
            wrong = list(_wrong(given))
            self._problems += wrong
            if not wrong:
                good.append(given)
                if given.path[0] == "controller":
                    self._notes.append(
                        f"{given.origin}: [controller] {given.path[1]} takes effect "
                        "when the controller starts again"
                    )
        return Configuration(
            given=tuple(good),
            problems=tuple(dict.fromkeys(self._problems)),
            notes=tuple(dict.fromkeys(self._notes)),
        )

    def _toml(self, text: str) -> None:
        try:
            self._given += read_text(text, f"{self._origin}, {OWN_KEY}")
        except SettingsError as error:
            self._problems.append(error.message)

    def _section(self, key: str, text: str) -> None:
        if not text.strip():
            return
        try:
            table = json.loads(text, object_pairs_hook=_once)
        except json.JSONDecodeError as error:
            where = f"line {error.lineno}, column {error.colno}"
            self._problem(key, f"not JSON: {error.msg} ({where})")
        except (ValueError, RecursionError) as error:
            self._problem(key, f"not usable JSON: {error}")
        else:
            if isinstance(table, dict):
                self._table(key, table)
            else:
                self._problem(key, f"must be a JSON object, got {type(table).__name__}")

    def _table(self, key: str, table: dict[str, Any]) -> None:
        fields = FIELDS[key]
        if "*" in fields:
            self._idle(key, fields["*"])
            return
        values = dict(_flat(table, fields))
        if key == "ingress":
            self._special(kind_of_ingress, key, values)
        if key == "deploy":
            self._special(rollout, key, values)
        if key == "storageInitializer":
            self._special(storage_image, key, values)
        for name, value in values.items():
            self._field(key, name, value)

    def _special(self, taken: Any, key: str, values: dict[str, object]) -> None:  # noqa: ANN401 - one of `_several`
        found = taken(values)
        for name, value in found.given:
            self._given.append(
                Given(
                    path=("kubernetes", found.setting),
                    value=value,
                    origin=f"{self._origin}, {key}.{name}",
                )
            )
        for name, problem in found.problems:
            self._problem(f"{key}.{name}", problem)
        for name, note in found.notes:
            self._note(f"{key}.{name}", note)

    def _field(self, key: str, name: str, value: object) -> None:
        fields = FIELDS[key]
        spelt = _spelling(name, fields)
        if spelt is None:
            hint = did_you_mean(name, fields)
            self._problem(f"{key}.{name}", f"unknown field{hint}")
            return
        field = fields[spelt]
        if isinstance(field, Idle):
            if value not in field.usual:
                self._idle(f"{key}.{spelt}", field)
            return
        if value is None or value == "":
            return  # KServe's way to leave a field out
        try:
            converted = field.convert(value)
        except ValueError as error:
            self._problem(f"{key}.{spelt}", str(error))
            return
        origin = f"{self._origin}, {key}.{spelt}"
        self._given.append(Given(path=field.path, value=converted, origin=origin))

    def _idle(self, where: str, field: Field) -> None:
        if isinstance(field, Idle):
            self._note(where, f"no effect: {field.why}")

    def _note(self, where: str, text: str) -> None:
        self._notes.append(f"{self._origin}, {where}: {text}")

    def _problem(self, where: str, text: str) -> None:
        self._problems.append(f"{self._origin}, {where}: {text}")


def _flat(
    table: dict[str, Any], fields: Mapping[str, Field], before: str = ""
) -> Iterator[tuple[str, object]]:
    """Yield the values of *table*, inner tables with dots."""
    for name, value in table.items():
        here = f"{before}{name}"
        inner = any(each.lower().startswith(f"{here.lower()}.") for each in fields)
        if inner and isinstance(value, dict):
            yield from _flat(value, fields, f"{here}.")
        else:
            yield here, value


def _spelling(name: str, fields: Mapping[str, Field]) -> str | None:
    """Return the field that *name* is: Go heeds no case in JSON."""
    if name in fields:
        return name
    return next((each for each in fields if each.lower() == name.lower()), None)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            msg = f"{name!r} is there twice"
            raise ValueError(msg)
        found[name] = value
    return found


def _wrong(given: Given) -> Iterator[str]:
    """Yield what is wrong with one value, as the settings see it."""
    first = given.path[0]
    try:
        settings = Settings((given,))
        settings.declare(SETTINGS)
        render_options(settings)
    except SettingsError as error:
        yield from error.problems
        return
    known = {spec.spec.section.partition(".")[0] for spec in settings.all()}
    known |= {*SECTION_OWNERS, "plugins"}
    if first not in known:
        hint = f"; did you mean {word!r}?" if (word := closest(first, known)) else ""
        yield f"{given.origin}: unknown section [{first}]{hint}"
