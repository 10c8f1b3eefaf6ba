"""Keep the settings what the ConfigMap says, and tell what is wrong with it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from inferry.errors import SettingsError
from inferry_controller.configuration import read
from inferry_controller.kube.kinds import CONFIG_MAP

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inferry.config import Given, Settings
    from inferry_controller.kube.store import Change
    from inferry_controller.reconciling.telling import Recorder
    from inferry_controller.reconciling.world import World

_log = logging.getLogger(__name__)
_REASON = "ConfigInvalid"
#: Problems that are told one by one; the rest is counted.
_TOLD = 10


class Configuring:
    """Puts each state of the ConfigMap in force as far as it is right.

    *load* makes the settings of this process from the values of the ConfigMap.
    """

    def __init__(
        self,
        world: World,
        load: Callable[[Iterable[Given]], Settings],
        *,
        recorder: Recorder | None = None,
    ) -> None:
        self._world = world
        self._load = load
        self.recorder = recorder
        self._good = False
        #: What is wrong now, one line each.
        self.problems: tuple[str, ...] = ()

    def changed(self, change: Change[dict[str, Any]]) -> None:
        """Take a change of the ConfigMap; one that is deleted says nothing."""
        config = change.after
        data = (config or {}).get("data") or {}
        where = f"ConfigMap {'/'.join(change.key)}"
        found = read(data, where)
        problems = list(found.problems)
        if not problems or not self._good:
            # With a problem the last good settings stay: a value that is left out of
            # them would go back to its default, a domain to example.com.
            problems += self._take(found.given)
        self._good = self._good or not problems
        self.problems = tuple(problems)
        for note in found.notes:
            _log.info("%s", note)
        for problem in problems:
            _log.error("%s: %s", where, problem)
        if config is not None and self.recorder is not None:
            self._record(config)

    def _take(self, given: Iterable[Given]) -> list[str]:
        """Put *given* in force; return what keeps it from being so."""
        try:
            self._world.configure(self._load(given))
        except SettingsError as error:
            return list(error.problems) or [str(error)]
        return []

    def _record(self, config: dict[str, Any]) -> None:
        about = {
            "apiVersion": CONFIG_MAP.api_version,
            "kind": CONFIG_MAP.kind,
            "metadata": config["metadata"],
        }
        if self.recorder is None:
            return
        for problem in self.problems[:_TOLD]:
            self.recorder.record(about, _REASON, problem, warning=True)
        more = len(self.problems) - _TOLD
        if more > 0:
            text = f"{more} more problems; the log of the controller has them"
            self.recorder.record(about, _REASON, text, warning=True)


def config_of(obj: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a ConfigMap: its data, and who it is."""
    metadata = obj["metadata"]
    kept = {key: metadata.get(key, "") for key in ("name", "namespace", "uid")}
    return {"metadata": kept, "data": obj.get("data") or {}}
