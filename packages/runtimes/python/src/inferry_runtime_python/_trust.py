"""Whether the code of a folder may run: the settings of this process say so.

Whoever writes a service's YAML chooses its code, so nothing that the YAML can say is
asked here: neither options nor the folder itself.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from inferry.config import load_settings
from inferry.errors import ModelLoadError, SettingsError
from inferry.status import Reason
from inferry.storage import shown_uri
from inferry_runtime_python.plugin import inferry_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Set by the backend that starts this process: the URI the folder was fetched from.
SOURCE_VARIABLE = "INFERRY_MODEL_SOURCE"


def check(file: Path) -> None:
    """Refuse the code in *file* unless the settings trust where it is or came from.

    Raises:
        ModelLoadError: It is not trusted; the remedy says what to write where.

    """
    real = file.resolve()
    source = os.environ.get(SOURCE_VARIABLE, "")
    trusted = trusted_sources()
    if is_trusted(real, trusted) or (source and is_trusted_uri(source, trusted)):
        return
    where = source if "://" in source else str(real.parent)
    shown = shown_uri(where)
    raise ModelLoadError(
        f"{real.name} is Python code from {shown}, which the settings do not trust",
        reason=Reason.ModelUnsafe,
        remedy=(
            f'write trust = ["{shown}"] below [plugins.python] in inferry.toml, or set '
            f"INFERRY_PLUGINS__PYTHON__TRUST={shown}"
        ),
    )


def trusted_sources() -> tuple[str, ...]:
    """Return the setting ``plugins.python.trust`` of this process.

    Raises:
        ModelLoadError: The settings cannot be read.

    """
    try:
        settings = load_settings()
        settings.declare(inferry_settings())
        return tuple(settings.value("plugins.python", "trust"))
    except SettingsError as error:
        problems = "; ".join(error.problems) or error.message
        raise ModelLoadError(
            f"the settings cannot be read: {problems}", reason=Reason.ModelUnsafe
        ) from error


def is_trusted(path: Path, trusted: Iterable[str]) -> bool:
    """Say whether *path*, without links, is one of the trusted folders or below one."""
    return any(
        path.is_relative_to(_folder(entry))
        for entry in trusted
        if entry and "://" not in entry
    )


def is_trusted_uri(uri: str, trusted: Iterable[str]) -> bool:
    """Say whether *uri* is one of the trusted URIs or below one, part by part."""
    wanted = urlsplit(uri)
    parts = _parts(wanted.path)
    if ".." in parts:
        return False
    for entry in trusted:
        prefix = urlsplit(entry)
        same_place = (prefix.scheme, prefix.netloc) == (wanted.scheme, wanted.netloc)
        folder = _parts(prefix.path)
        if "://" in entry and same_place and parts[: len(folder)] == folder:
            return True
    return False


def _folder(entry: str) -> Path:
    """Return the folder of *entry*; ``~`` is the user's home.

    Not what ``$HOME`` says: a service may set that variable.
    """
    if entry == "~" or entry.startswith("~/"):
        entry = pwd.getpwuid(os.getuid()).pw_dir + entry[1:]
    return Path(entry).resolve()


def _parts(path: str) -> list[str]:
    return [part for part in path.split("/") if part]
