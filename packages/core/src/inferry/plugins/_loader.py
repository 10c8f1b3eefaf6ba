"""Load plugins: a broken one never breaks the host, and nothing fails in silence.

```
entry points of the group, sorted by (name, value)
  deny, allow, only     -> "disabled", not imported
  Requires-Dist         -> "incompatible", not imported
  import, register      -> "failed", rolled back
  hook names known      -> "failed", rolled back
each hook of each plugin: called alone, listed, checked -> problem, the others go on
names that two plugins claim -> problem, settled without a third plugin
```
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from inferry import __version__
from inferry.errors import PluginError
from inferry.plugins._collect import HOOKS, Provided, ask, new_manager, register
from inferry.plugins._conflicts import claims, owned, settle
from inferry.plugins._discovery import Installed, discover
from inferry.plugins._host import Host

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pluggy

    from inferry.config import Settings, SettingsSpec
    from inferry.plugins._descriptors import (
        AutoscalingPolicy,
        Role,
        Runtime,
        StorageBackend,
    )

_log = logging.getLogger("inferry.plugins")

Status = Literal["loaded", "failed", "disabled", "incompatible", "shadowed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginRecord:
    """What became of one installed plugin.

    ``provides`` are the names it really provides (``runtime onnx``); ``file`` is where
    its module lies; ``milliseconds`` is what importing and asking it took.
    """

    installed: Installed
    status: Status
    why: str = ""
    file: str = ""
    provides: tuple[str, ...] = ()
    milliseconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugins:
    """The plugins of one process, loaded, asked and settled."""

    records: tuple[PluginRecord, ...] = ()
    problems: tuple[PluginError, ...] = ()
    provided: tuple[tuple[str, tuple[Provided[Any], ...]], ...] = field(default=())

    def runtimes(self) -> tuple[Provided[Runtime], ...]:
        """Return the model runtimes, sorted by name."""
        return self._of("inferry_runtimes")

    def storage_backends(self) -> tuple[Provided[StorageBackend], ...]:
        """Return the storage backends, sorted by name."""
        return self._of("inferry_storage_backends")

    def autoscaling_policies(self) -> tuple[Provided[AutoscalingPolicy], ...]:
        """Return the autoscaling policies, sorted by name."""
        return self._of("inferry_autoscaling_policies")

    def settings(self) -> tuple[Provided[SettingsSpec], ...]:
        """Return the settings that plugins declare, sorted by section and key."""
        return self._of("inferry_settings")

    def _of(self, hook: str) -> tuple[Provided[Any], ...]:
        return dict(self.provided).get(hook, ())


def load_plugins(
    role: Role, settings: Settings, *, only: Iterable[str] | None = None
) -> Plugins:
    """Load the plugins that *role* may load, and declare their settings in *settings*.

    Commands and the local backend load all that is installed; a controller and a server
    only what the setting ``plugins.allow`` names, or *only*, the names of plugins or
    distributions that the caller needs.

    Raises:
        SettingsError: What was given for a setting does not fit its declaration. No
            fault of a plugin raises; it is in ``Plugins.problems``.

    """
    return _Loading(role, settings).run(only)


class _Loading:
    """One run of the loader, from metadata to settled descriptors."""

    def __init__(self, role: Role, settings: Settings) -> None:
        self._role = role
        self._settings = settings
        self._manager: pluggy.PluginManager = new_manager()
        self._problems: list[PluginError] = []
        self._spent: dict[Installed, float] = {}
        self._files: dict[Installed, str] = {}
        # Tracing is asked for from outside, where nobody has set up logging: at this
        # level Python prints a record even so.
        self._level = (
            logging.WARNING if settings.value("plugins", "trace") else logging.DEBUG
        )

    def run(self, only: Iterable[str] | None) -> Plugins:
        installed, found = discover(self._role, self._settings, only=only)
        self._problems += found
        live = [plugin for plugin in installed if self._load(plugin)]
        specs = self._declare(live, [plugin.name for plugin in installed])
        provided = {"inferry_settings": specs}
        for hook in HOOKS:
            if hook not in provided:
                provided[hook] = self._settled(self._asked(live, hook))
        return Plugins(
            records=tuple(self._record(plugin, provided) for plugin in installed),
            problems=tuple(self._problems),
            provided=tuple(provided.items()),
        )

    def _load(self, plugin: Installed) -> bool:
        if plugin.verdict != "allowed":
            self._trace("%s: %s, %s", plugin.name, plugin.verdict, plugin.why)
            return False
        started = time.perf_counter()
        try:
            module = register(self._manager, plugin)
        except PluginError as problem:
            self._problem(problem)
            return False
        finally:
            self._spent[plugin] = time.perf_counter() - started
        self._files[plugin] = getattr(module, "__file__", None) or ""
        self._trace("%s: imported %s", plugin.name, plugin.value)
        return True

    def _declare(
        self, live: list[Installed], names: list[str]
    ) -> tuple[Provided[Any], ...]:
        """Ask for settings first, so that the other hooks see theirs with types."""
        specs, foreign = owned(self._asked(live, "inferry_settings"))
        for problem in foreign:
            self._problem(problem)
        kept = self._settled(specs)
        self._settings.declare((item.descriptor for item in kept), installed=names)
        return kept

    def _asked(self, live: list[Installed], hook: str) -> tuple[Provided[Any], ...]:
        host = Host(
            role=self._role,
            core_version=__version__,
            plugin_settings=self._settings.plugins(),
        )
        provided: list[Provided[Any]] = []
        for plugin in live:
            started = time.perf_counter()
            try:
                provided += ask(self._manager, plugin, hook, host)
            except PluginError as problem:
                self._problem(problem)
            self._spent[plugin] += time.perf_counter() - started
        return tuple(provided)

    def _settled(self, provided: Iterable[Provided[Any]]) -> tuple[Provided[Any], ...]:
        kept, problems = settle(provided, self._settings.value("plugins", "override"))
        for problem in problems:
            self._problem(problem)
        return tuple(sorted(kept, key=lambda item: claims(item.descriptor)))

    def _record(
        self, plugin: Installed, provided: dict[str, tuple[Provided[Any], ...]]
    ) -> PluginRecord:
        mine = [
            " ".join(claims(item.descriptor)[0])
            for items in provided.values()
            for item in items
            if (item.plugin, item.distribution) == (plugin.name, plugin.distribution)
        ]
        fault = next(
            (
                problem.message
                for problem in self._problems
                if (problem.plugin, problem.distribution)
                == (plugin.name, plugin.distribution)
            ),
            "",
        )
        status: Status = "loaded" if plugin in self._files else "failed"
        return PluginRecord(
            installed=plugin,
            status=status if plugin.verdict == "allowed" else plugin.verdict,
            why=plugin.why or fault,
            file=self._files.get(plugin, ""),
            provides=tuple(sorted(mine)),
            milliseconds=round(self._spent.get(plugin, 0.0) * 1000, 1),
        )

    def _problem(self, problem: PluginError) -> None:
        self._problems.append(problem)
        self._trace("%s: %s", problem.plugin, problem)

    def _trace(self, text: str, *arguments: object) -> None:
        _log.log(self._level, text, *arguments)
