"""What clients may do with the models of a server: list, load again, unload.

The same for every protocol. Only models that the server was started with, was told to
load in-process, or that lie in one of its repositories, can be loaded: a request names
a model, never a class or a path.
Source: Triton, "Model Repository Extension".
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import (
    InvalidInput,
    ModelLoadError,
    ModelNotFound,
    ModelNotReady,
)
from inferry_server.config_override import overridden
from inferry_server.models import GIVEN_UP
from inferry_server.states import NAME, ON_THE_WAY
from inferry_server.uploads import PREFIX, Upload, read_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from inferry_server.models import Models
    from inferry_server.settings import ServerSettings
    from inferry_server.states import ModelSpec, ModelState

_CONFIG = "config"
_UNLOAD_DEPENDENTS = "unload_dependents"


class Repository:
    """Lists, loads and unloads *models*; who may ask is for the caller to know.

    *folders* hold models under their names: each says how its own are served.
    """

    def __init__(
        self,
        models: Models,
        settings: ServerSettings,
        folders: Sequence[ModelSpec] = (),
    ) -> None:
        self._models = models
        self._folders = folders
        self._settings = settings
        self._uploads: dict[str, Upload] = {}

    def index(self, *, ready: bool = False) -> list[dict[str, str]]:
        """Return each model with its state, or only those that are *ready*."""
        versions = {model.name: model.versions[-1] for model in self._models.serving()}
        entries = [
            _entry(state, versions.get(state.name))
            for _, state in sorted(self._models.states().items())
        ]
        return [entry for entry in entries if not ready or entry["state"] == "READY"]

    async def load(self, name: str, parameters: Mapping[str, object]) -> None:
        """Load *name* again and wait until it is ready; the older one serves till then.

        *parameters* may have a ``config`` and files.

        Raises:
            ModelNotFound: No such model.
            InvalidInput: Something is wrong with *parameters*.
            NotPermitted: A file that may not be uploaded.
            ModelLoadError: It cannot be loaded; an older one still serves.
            ModelNotReady: It was unloaded meanwhile.

        """
        spec = await self._spec(name)
        _check(parameters)
        if _CONFIG in parameters:
            spec = overridden(spec, str(parameters[_CONFIG]))
        limit = self._settings.max_body_bytes
        allowed = self._settings.allow_uploads
        files = await asyncio.to_thread(read_files, parameters, allowed, limit)
        if files and _CONFIG not in parameters:
            raise InvalidInput(
                f"failed to load {name!r}, files need the parameter {_CONFIG!r} with "
                "the configuration of the model, at least '{}'"
            )
        upload = await asyncio.to_thread(Upload, files) if files else None
        await self._load(spec, upload)

    async def _spec(self, name: str) -> ModelSpec:
        """Return what *name* stands for: what is known, or lies in a repository."""
        try:
            return self._models.spec(name)
        except ModelNotFound:
            spec = await asyncio.to_thread(self._in_folders, name)
        if spec is None:
            where = " nor found in its repository" if self._folders else ""
            raise ModelNotFound(
                f"failed to load {name[:253]!r}, failed to poll from model repository: "
                f"the server was not started with a model of that name{where}"
            )
        self._models.add(spec)
        return spec

    def _in_folders(self, name: str) -> ModelSpec | None:
        if not NAME.match(name):
            return None
        for folder in self._folders:
            files = sorted(each for each in folder.path.iterdir() if each.stem == name)
            for path in (folder.path / name, *files):
                if path.exists():
                    return msgspec.structs.replace(folder, name=name, path=path)
        return None

    async def _load(self, spec: ModelSpec, upload: Upload | None) -> None:
        if upload is not None:
            spec = msgspec.structs.replace(spec, path=upload.path)
        state: ModelState | None = None
        try:
            state = await self._models.load_as(spec)
        finally:
            serves = state is not None and state.phase == "Ready"
            if upload is not None and not serves:
                upload.close()
        if state.message == GIVEN_UP:
            raise ModelNotReady(
                f"failed to load {spec.name!r}, {GIVEN_UP}; load it again"
            )
        if not serves:
            raise ModelLoadError(
                f"failed to load {spec.name!r}, {state.message}",
                reason=state.reason,
                remedy=state.remedy,
            )
        self._keep(spec.name, upload)

    def _keep(self, name: str, upload: Upload | None) -> None:
        old = self._uploads.pop(name, None)
        if upload is not None:
            self._uploads[name] = upload
        if old is not None:
            old.close()

    async def unload(self, name: str, parameters: Mapping[str, object]) -> None:
        """Take *name* out of service, after what it still computes.

        Raises:
            ModelNotFound: No such model.
            InvalidInput: Something is wrong with *parameters*.

        """
        for key, value in parameters.items():
            if key != _UNLOAD_DEPENDENTS or not isinstance(value, bool):
                raise _wrong(key)
        await self._models.unload(name)
        self._keep(name, None)


def _check(parameters: Mapping[str, object]) -> None:
    for key, value in parameters.items():
        is_config = key == _CONFIG and isinstance(value, str)
        if not is_config and not key.startswith(PREFIX):
            raise _wrong(key)


def _wrong(key: str) -> InvalidInput:
    return InvalidInput(
        f"the parameter {key[:100]!r} is unknown or of the wrong type; expected "
        f"{_CONFIG!r} with text and '{PREFIX}<path>' with base64 for a load, "
        f"{_UNLOAD_DEPENDENTS!r} with true or false for an unload"
    )


def _entry(state: ModelState, version: str | None) -> dict[str, str]:
    entry = {"name": state.name}
    if version is not None:
        entry["version"] = version
    if state.phase == "Ready":
        entry["state"] = "READY"
    else:
        entry["state"] = "LOADING" if state.phase in ON_THE_WAY else "UNAVAILABLE"
    entry["reason"] = state.message
    return entry
