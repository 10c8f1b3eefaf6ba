"""Which models the command line names, and which class serves each.

``--model NAME=RUNTIME[:PATH]`` names a runtime plugin, ``--model NAME=module:Class``
a class. What reads as both is the runtime where one of that name is installed.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from inferry.config import load_settings
from inferry.errors import SettingsError
from inferry.plugins import load_plugins
from inferry_server.cli.flags import parse, peek
from inferry_server.states import NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry.plugins import Option, Provided, Runtime

_SERVER = "inferry-server"
_DEFAULT_NAME = "model"
#: Names of runtimes are DNS labels.
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\Z")
_CLASS = re.compile(
    r"(?P<target>[A-Za-z_][\w.]*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*)(:(?P<path>.*))?\Z",
    re.DOTALL,
)


class Chosen(Struct, frozen=True, kw_only=True):
    """One model: its name, its class, where its files are, what it can be told.

    ``path`` is empty where the command line does not say; ``options`` is None for a
    class, which declares none and takes any. ``install`` is what pip calls it.
    """

    name: str
    target: str
    path: str = ""
    options: Sequence[Option] | None = None
    runtime: str = ""
    install: str = ""


class Choice(Struct, frozen=True):
    """Every model that is named, and the section ``[server]`` of the settings.

    ``repositories`` have the models that may be loaded later: their ``path`` is the
    folder, their ``name`` stands for those of the models in it.
    """

    models: tuple[Chosen, ...]
    section: dict[str, Any]
    repositories: tuple[Chosen, ...] = ()


class _Asked(Struct, frozen=True):
    name: str
    runtime: str = ""
    target: str = ""
    path: str = ""
    #: What ``runtime`` and ``path`` are if there is no such runtime.
    otherwise: tuple[str, str] = ("", "")


def choose(argv: Sequence[str]) -> Choice:
    """Find what *argv* names, and read the settings.

    Raises:
        SettingsError: No model is named, or not as it must be, or there is no such
            runtime.

    """
    folders = [_what(text, text) for text in peek(argv, "model_repository")]
    asked = [*map(_read, peek(argv, "model")), *_the_one(argv)]
    if not asked and not folders:
        parse(argv, {})  # one that is misspelt is what is wrong then
        raise SettingsError(
            "nothing is given: name --runtime, such as onnx, or --model_class "
            "module:Class, or several as --model NAME=RUNTIME:PATH, or a folder of "
            "them as --model_repository RUNTIME:FOLDER"
        )
    runtimes = Runtimes([one.runtime for one in (*asked, *folders) if one.runtime])
    repositories = tuple(_settle(one, runtimes) for one in folders)
    models = (
        *(_settle(one, runtimes) for one in asked),
        *(model for repository in repositories for model in _models_in(repository)),
    )
    names = [one.name for one in models]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"two models are named {name!r}; give each its own")
    return Choice(models, runtimes.settings.section("server"), repositories)


def _models_in(repository: Chosen) -> list[Chosen]:
    """Return the models in a folder, each by the name of its file or folder."""
    flag = f"--model_repository {repository.name}"
    folder = Path(repository.path)
    if not repository.path or not folder.is_dir():
        raise SettingsError(
            f"{flag}: there is no folder {repository.path!r}; write RUNTIME:FOLDER, "
            "such as sklearn:models, with a file or folder for each model in it"
        )
    found = []
    for path in sorted(folder.iterdir()):
        if not path.name.startswith("."):
            name = path.name if path.is_dir() else path.stem
            _check_name(name, f"{flag}:")
            found.append(msgspec.structs.replace(repository, name=name, path=str(path)))
    return found


def _the_one(argv: Sequence[str]) -> list[_Asked]:
    """Return the model of ``--runtime`` or ``--model_class``, if there is one."""
    runtime, target, name, path = (
        (peek(argv, flag) or [""])[-1]
        for flag in ("runtime", "model_class", "model_name", "model_dir")
    )
    if runtime and target:
        raise SettingsError(
            "both --runtime and --model_class are given: name --runtime, such as onnx, "
            "or --model_class module:Class"
        )
    if runtime or target:
        _check_name(name or _DEFAULT_NAME, "--model_name")
        return [_Asked(name or _DEFAULT_NAME, runtime, target, path)]
    if name and peek(argv, "model"):
        raise SettingsError(
            f"--model_name={name} goes with --runtime or --model_class; --model has "
            "its name before the '='"
        )
    return []


def _read(text: str) -> _Asked:
    name, equals, rest = text.partition("=")
    if not equals or not rest:
        raise SettingsError(
            f"--model {text!r} must read NAME=RUNTIME[:PATH], such as "
            "iris=sklearn:model.skops, or NAME=module:Class[:PATH]"
        )
    _check_name(name, f"--model {text!r}:")
    return _what(name, rest)


def _what(name: str, rest: str) -> _Asked:
    """Read what serves *name*, and from where: the part after the ``=``."""
    runtime, _, path = rest.partition(":")
    if runtime.endswith(".py"):
        module = runtime.removesuffix(".py").rpartition("/")[2]
        before = "" if name == rest else f"{name}="
        raise SettingsError(
            f"{rest!r}: a class is named as Python imports it, without .py and "
            f"folders: {before}{module}:{path or 'Class'}, from the folder of the file"
        )
    is_class = _CLASS.match(rest)
    if is_class is None:
        return _Asked(name, runtime=runtime, path=path)
    target = (is_class["target"], is_class["path"] or "")
    if not _LABEL.match(runtime):
        return _Asked(name, target=target[0], path=target[1])
    return _Asked(name, runtime=runtime, path=path, otherwise=target)


def _check_name(name: str, where: str) -> None:
    if not NAME.match(name):
        raise SettingsError(
            f"{where} the name {name!r} must be letters, digits, '.', '_' or '-'"
        )


def _settle(asked: _Asked, runtimes: Runtimes) -> Chosen:
    if not asked.runtime:
        return Chosen(name=asked.name, target=asked.target, path=asked.path)
    provided = runtimes.find(asked.runtime)
    target, path = asked.otherwise
    if provided is None and target and find_spec(target.partition(":")[0]) is not None:
        return Chosen(name=asked.name, target=target, path=path)
    if provided is None or provided.descriptor.model is None:
        raise runtimes.missing(asked.runtime, target)
    reference = provided.descriptor.model
    extra = f"[{reference.extra}]" if reference.extra else ""
    return Chosen(
        name=asked.name,
        target=reference.target,
        path=asked.path,
        options=provided.descriptor.options,
        runtime=provided.descriptor.name,
        install=f"{provided.distribution}{extra}",
    )


class Runtimes:
    """The runtimes that may serve; those of the plugins *names* are looked at first."""

    def __init__(self, names: Sequence[str]) -> None:
        self.settings = load_settings()
        likely = [_SERVER, *names, *map(_plugin_of, names)]
        self._sets = [load_plugins("server", self.settings, only=likely)]

    def find(self, name: str) -> Provided[Runtime] | None:
        """Return the runtime of that name or alias."""
        found = self._look(name)
        if found is None and len(self._sets) == 1:
            # The plugin may have another name than its runtime.
            self._sets.append(load_plugins("server", self.settings))
            found = self._look(name)
        return found

    def _look(self, name: str) -> Provided[Runtime] | None:
        for plugins in self._sets:
            for provided in plugins.runtimes():
                if name in (provided.descriptor.name, *provided.descriptor.aliases):
                    return provided
        return None

    def missing(self, name: str, target: str) -> SettingsError:
        """Return what to say about a *name* that no runtime has."""
        problems = [problem for plugins in self._sets for problem in plugins.problems]
        faults = "; ".join(dict.fromkeys(map(str, problems)))
        or_class = f", and no module {name!r} for a class either" if target else ""
        return SettingsError(
            f"no runtime {name!r} that can serve here{or_class}{self._remedy(name)}"
            + (f" ({faults})" if faults else "")
        )

    def _remedy(self, name: str) -> str:
        # A server loads no plugin that nobody named, but what is installed has a name.
        installed = [
            record.installed for plugins in self._sets for record in plugins.records
        ]
        here = {one.name for one in installed if "runtime" in one.distribution}
        listed = f"; here are {', '.join(sorted(here))}" if here else ""
        if not _LABEL.match(name):
            return f": write NAME=RUNTIME:PATH, such as iris=onnx:model.onnx{listed}"
        near = get_close_matches(name, here, n=1)
        if near:
            return f"; did you mean {near[0]!r}?"
        return (
            f": pip install 'inferry-runtime-{name}[serve]', or allow its plugin in "
            f"[plugins] allow{listed}"
        )


def _plugin_of(alias: str) -> str:
    """Return the plugin that KServe's name of a runtime most likely means."""
    return alias.removeprefix("kserve-").removesuffix("server")
