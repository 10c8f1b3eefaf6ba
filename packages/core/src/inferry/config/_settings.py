"""`Settings`: what was declared, what was given, and which of it wins."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inferry._suggest import did_you_mean
from inferry.config._sources import (
    current_environment,
    find_file,
    fold,
    read_environment,
    read_file,
    read_overrides,
)
from inferry.config._specs import CORE_SPECS, SECTION_OWNERS
from inferry.config._values import WrongValue, from_text, from_toml
from inferry.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from pathlib import Path

    from inferry.config._declaration import SettingsSpec
    from inferry.config._sources import Given

_HIDDEN = "********"
_PLUGINS = "plugins."


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One declared setting with the value that won and who gave it.

    The value is not in the repr: it may be secret.
    """

    spec: SettingsSpec
    value: Any = field(repr=False)
    origin: str

    @property
    def shown(self) -> Any:  # noqa: ANN401 - any type a setting may have
        """The value as it may be printed; a secret that is set becomes asterisks."""
        return _HIDDEN if self.spec.secret and self.value else self.value


class Settings:
    """The settings of one process.

    A later source wins: defaults, the file, the environment, the command line.
    ``Settings()`` holds the defaults alone. What plugins declare is added once they are
    loaded (`declare`); until then their sections are kept unread.
    """

    def __init__(self, given: Iterable[Given] = ()) -> None:
        self._given = tuple(given)
        self._specs: dict[tuple[str, str], SettingsSpec] = {}
        self._values: dict[tuple[str, str], tuple[Any, str]] = {}
        self._warnings: tuple[str, ...] = ()
        self.declare(CORE_SPECS)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was given but is of no use here, one line each."""
        return self._warnings

    def value(self, section: str, key: str) -> Any:  # noqa: ANN401 - any type a setting may have
        """Return the value of one declared setting.

        Raises:
            SettingsError: Nobody declared it: its plugin is not loaded, or a mistake.

        """
        return self._setting(section, key).value

    def origin(self, section: str, key: str) -> str:
        """Return who gave the value: ``default``, a file, a variable or ``--set``.

        Raises:
            SettingsError: Nobody declared the setting.

        """
        return self._setting(section, key).origin

    def section(self, name: str) -> dict[str, Any]:
        """Return every setting of a section, with its value.

        Of a section that nobody declared, what the file holds is returned as it is.
        """
        declared = {
            key: self.value(section, key)
            for section, key in self._specs
            if section == name
        }
        return declared or self._raw(name)

    def plugin(self, name: str) -> dict[str, Any]:
        """Return ``[plugins.<name>]``."""
        return self.section(_PLUGINS + name)

    def plugins(self) -> dict[str, dict[str, Any]]:
        """Return every section of a plugin that is declared or given, by plugin."""
        names = {section for section, _ in self._specs if section.startswith(_PLUGINS)}
        names |= {
            given.section
            for given in self._given
            if given.section.startswith(_PLUGINS)
            and not given.folded
            and self._match(given) is None
        }
        return {
            name.removeprefix(_PLUGINS): self.section(name) for name in sorted(names)
        }

    def all(self) -> tuple[Setting, ...]:
        """Return every declared setting, in the order of declaration."""
        return tuple(self._setting(section, key) for section, key in self._specs)

    def declare(
        self,
        specs: Iterable[SettingsSpec],
        *,
        installed: Collection[str] | None = None,
    ) -> None:
        """Add *specs* and check everything that was given against them.

        With *installed*, the names of all installed plugins, the declarations are
        complete: a section that nobody declared is then a mistake.

        Raises:
            SettingsError: With every problem, one line each.

        """
        for spec in specs:
            self._specs.setdefault((spec.section, spec.key), spec)
        problems: list[str] = []
        warnings: list[str] = []
        self._values = {}
        for given in self._given:
            problem = self._accept(given)
            if problem:
                problems.append(problem)
            elif installed is not None:
                self._check_owner(given, installed, problems, warnings)
        self._warnings = tuple(dict.fromkeys(warnings))
        if problems:
            count = f"{len(problems)} problems" if problems[1:] else "a problem"
            raise SettingsError(f"the settings have {count}", problems=problems)

    def _setting(self, section: str, key: str) -> Setting:
        spec = self._specs.get((section, key))
        if spec is None:
            known = [f"{a}.{b}" for a, b in self._specs]
            hint = did_you_mean(f"{section}.{key}", known)
            raise SettingsError(f"no setting {section}.{key} is declared{hint}")
        value, origin = self._values.get((section, key), (spec.default, "default"))
        return Setting(spec=spec, value=value, origin=origin)

    def _raw(self, name: str) -> dict[str, Any]:
        return {
            given.key: given.value
            for given in self._given
            if given.section == name or (given.folded and given.section == fold(name))
        }

    def _match(self, given: Given) -> tuple[SettingsSpec, str] | None:
        """Return the spec that *given* is for, and the key inside it if it is a map."""
        spell = fold if given.folded else str
        for spec in self._specs.values():
            name = (*spell(spec.section).split("."), spell(spec.key))
            if given.path == name:
                return spec, ""
            if spec.type == "map" and given.path[: len(name)] == name:
                return spec, ".".join(given.path[len(name) :])
        return None

    def _accept(self, given: Given) -> str | None:
        """Take the value of *given*, or return what is wrong with it."""
        match = self._match(given)
        if match is None:
            return self._refuse(given)
        spec, inner = match
        name = (spec.section, spec.key)
        convert = from_text if given.text else from_toml
        try:
            if not inner:
                value = convert(spec, given.value)
            elif isinstance(given.value, str):
                value = {
                    **self._values.get(name, (spec.default, ""))[0],
                    inner: given.value,
                }
            else:
                return f"{_place(given)}: must be a string, got {given.value!r}"
        except WrongValue as exc:
            return f"{_place(given)}: {exc}"
        self._values[name] = (value, given.origin)
        return None

    def _refuse(self, given: Given) -> str | None:
        """Return why nobody can take *given*; None while its owner may yet come."""
        if given.value == {}:
            return None
        if len(given.path) == 1:
            return f"{_place(given)}: a setting stands in a section, as in [plugins]"
        spell = fold if given.folded else str
        parent = next(
            (
                spec
                for spec in self._specs.values()
                if given.section == f"{spell(spec.section)}.{spell(spec.key)}"
            ),
            None,
        )
        if parent is not None:
            return f"{_place(given)}: {parent.section}.{parent.key} is no table"
        keys = {spell(key) for name, key in self._specs if spell(name) == given.section}
        if not keys:
            return None
        return f"{_place(given)}: unknown setting{_hint(given, given.key, keys)}"

    def _check_owner(
        self,
        given: Given,
        installed: Collection[str],
        problems: list[str],
        warnings: list[str],
    ) -> None:
        """Say what is wrong with a section that nobody has declared."""
        if given.value == {} or self._match(given) is not None:
            return
        spell = fold if given.folded else str
        if given.path[0] == "plugins":
            name = given.section.removeprefix(_PLUGINS)
            if name not in {spell(plugin) for plugin in installed}:
                hint = did_you_mean(name, installed)
                warnings.append(
                    f"{_place(given)}: no plugin {name!r} is installed{hint}"
                )
            return
        owner = SECTION_OWNERS.get(given.path[0])
        if owner is not None:
            warnings.append(
                f"{_place(given)}: not used, because {owner} is not loaded here"
            )
            return
        sections = {spell(section) for section, _ in self._specs} | set(SECTION_OWNERS)
        problems.append(
            f"{_place(given)}: unknown section{_hint(given, given.section, sections)}"
        )


def _hint(given: Given, word: str, known: Iterable[str]) -> str:
    return did_you_mean(word, known, upper=given.folded)


def _place(given: Given) -> str:
    if given.folded:
        return given.origin
    if given.text:
        return f"--set {'.'.join(given.path)}"
    section = f"[{given.section}] " if given.section else ""
    return f"{given.origin}: {section}{given.key}"


def load_settings(
    *,
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    given: Iterable[Given] = (),
) -> Settings:
    """Read the settings of this process.

    *path* is the file; without it ``$INFERRY_CONFIG``, else ``./inferry.toml`` where it
    exists. *overrides* are ``section.key`` to text, from ``--set section.key=value``.
    *given* is what else there is, such as a cluster's ConfigMap: it wins over the file.

    Raises:
        SettingsError: With every problem, one line each.

    """
    environ = current_environment() if environ is None else environ
    file = find_file(path, environ)
    return Settings(
        (
            *(read_file(file) if file else ()),
            *given,
            *read_environment(environ),
            *read_overrides(overrides or {}),
        )
    )
