"""A ConfigMap in a file, as `inferry render` is given one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from inferry.errors import InvalidDocument
from inferry_controller.configuration._reading import Configuration, read

if TYPE_CHECKING:
    from pathlib import Path

NAME = "inferenceservice-config"


def of_file(path: Path) -> Configuration:
    """Return what the ConfigMap in the file at *path* says.

    Of several documents it is the ConfigMap of KServe's name, else the only ConfigMap.

    Raises:
        InvalidDocument: There is no such file, or no such ConfigMap in it.

    """
    try:
        documents = list(yaml.safe_load_all(path.read_text("utf-8")))
    except OSError as error:
        raise InvalidDocument(f"{path}: {error.strerror or error}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise InvalidDocument(f"{path}: no YAML: {text}") from error
    maps = [
        each
        for each in documents
        if isinstance(each, dict) and each.get("kind") == "ConfigMap"
    ]
    named = [each for each in maps if _name(each) == NAME] or maps
    if len(named) != 1:
        count = "several ConfigMaps" if named else "no ConfigMap"
        raise InvalidDocument(f"{path}: {count}, none of them called {NAME}")
    data = named[0].get("data") or {}
    if not isinstance(data, dict):
        raise InvalidDocument(f"{path}: data must be a table of texts")
    return read(data, f"ConfigMap {_name(named[0]) or path}")


def _name(document: dict[str, object]) -> str:
    metadata = document.get("metadata")
    return str(metadata.get("name", "")) if isinstance(metadata, dict) else ""
