"""What the settings of this machine say of Triton: whose code runs, and where.

Whoever writes a service's YAML chooses its model, so nothing that the YAML can say
decides whether code runs, which programs are started or which packages are installed.
"""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from inferry.config import load_settings
from inferry.errors import ModelLoadError, SettingsError
from inferry.status import Reason
from inferry.storage import shown_uri
from inferry_runtime_triton.plugin import SECTION, inferry_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry_runtime_triton._repository import Found

#: Set by the backend that starts this process: the URI the folder was fetched from.
SOURCE_VARIABLE = "INFERRY_MODEL_SOURCE"


class TritonSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of ``[plugins.triton]``; see the descriptor for each."""

    trust: tuple[str, ...] = ()
    server: str = ""
    python: str = ""
    requirements: tuple[str, ...] = ()


def read() -> TritonSettings:
    """Return the settings of this process.

    Raises:
        ModelLoadError: They cannot be read.

    """
    try:
        settings = load_settings()
        settings.declare(inferry_settings())

        def value(key: str) -> Any:  # noqa: ANN401 - of the type that is declared
            return settings.value(SECTION, key)

        return TritonSettings(
            trust=tuple(value("trust")),
            server=str(value("server")),
            python=str(value("python")),
            requirements=tuple(value("requirements")),
        )
    except SettingsError as error:
        problems = "; ".join(error.problems) or error.message
        raise ModelLoadError(
            f"the settings cannot be read: {problems}", reason=Reason.ModelUnsafe
        ) from error


def check_trust(path: Path, models: Iterable[Found], trust: Iterable[str]) -> None:
    """Refuse *models* with code, in the folder *path*, unless *trust* names it.

    Raises:
        ModelLoadError: The remedy says what to write where.

    """
    file = next((each for model in models for each in model.code), None)
    source = os.environ.get(SOURCE_VARIABLE, "")
    real = path.resolve()
    if file is None or _is_trusted(real, source, tuple(trust)):
        return
    shown = shown_uri(source if "://" in source else str(real))
    raise ModelLoadError(
        f"{file.relative_to(path)} is Python code from {shown}, which the settings do "
        "not trust",
        reason=Reason.ModelUnsafe,
        remedy=(
            f'write trust = ["{shown}"] below [{SECTION}] in inferry.toml, or set '
            f"INFERRY_PLUGINS__TRITON__TRUST={shown}"
        ),
    )


def _is_trusted(path: Path, source: str, trust: tuple[str, ...]) -> bool:
    folders = (each for each in trust if each and "://" not in each)
    if any(path.is_relative_to(folder_of(each)) for each in folders):
        return True
    uris = (each for each in trust if "://" in each)
    return "://" in source and any(_is_below(source, each) for each in uris)


def _is_below(uri: str, prefix: str) -> bool:
    """Say whether *uri* is *prefix* or below it, part by part."""
    wanted, allowed = urlsplit(uri), urlsplit(prefix)
    parts = [each for each in wanted.path.split("/") if each]
    folder = [each for each in allowed.path.split("/") if each]
    return (
        ".." not in parts
        and (wanted.scheme, wanted.netloc) == (allowed.scheme, allowed.netloc)
        and parts[: len(folder)] == folder
    )


def folder_of(entry: str) -> Path:
    """Return the path *entry*; ``~`` is the user's home.

    Not what ``$HOME`` says: a service may set that variable.
    """
    if entry == "~" or entry.startswith("~/"):
        entry = pwd.getpwuid(os.getuid()).pw_dir + entry[1:]
    return Path(entry).resolve()
