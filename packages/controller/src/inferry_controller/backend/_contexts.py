"""Which namespace a kubeconfig's context stands for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

_DEFAULT = "default"
_OF_THE_POD = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def namespace_of(kubeconfig: str | None, context: str | None) -> str:
    """Return the namespace of *context*, of the current one where that is None.

    What is wrong with a kubeconfig is told by the client, which reads it next.
    """
    import yaml

    text = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    documents = []
    for part in filter(None, text.split(os.pathsep)):
        try:
            found = yaml.safe_load(Path(part).expanduser().read_bytes())
        except (OSError, yaml.YAMLError):
            continue
        documents += [found] if isinstance(found, dict) else []
    if not documents:
        return _of_the_pod()
    # Of several files the first that names a thing wins, as kubectl has it.
    name = context or next(filter(None, map(_current, documents)), "")
    contexts = [each for one in documents for each in _contexts(one)]
    return next(filter(None, (_namespace(each, name) for each in contexts)), _DEFAULT)


def _current(document: dict[str, Any]) -> str:
    return str(document.get("current-context") or "")


def _contexts(document: dict[str, Any]) -> list[Any]:
    found = document.get("contexts")
    return found if isinstance(found, list) else []


def _namespace(entry: Any, name: str) -> str:  # noqa: ANN401 - of a file
    if not isinstance(entry, dict) or entry.get("name") != name:
        return ""
    return str((entry.get("context") or {}).get("namespace") or _DEFAULT)


def _of_the_pod() -> str:
    try:
        return _OF_THE_POD.read_text(encoding="ascii").strip() or _DEFAULT
    except OSError:
        return _DEFAULT
