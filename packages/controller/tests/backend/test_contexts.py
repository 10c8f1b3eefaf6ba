"""Which namespace a kubeconfig stands for."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from inferry_controller.backend import KubernetesBackend

if TYPE_CHECKING:
    from pathlib import Path


def config(path: Path, *, current: str = "", **namespaces: str) -> Path:
    contexts: list[dict[str, Any]] = [
        {"name": name, "context": {"namespace": namespace} if namespace else {}}
        for name, namespace in namespaces.items()
    ]
    path.write_text(json.dumps({"current-context": current, "contexts": contexts}))
    return path


def test_it_is_that_of_the_current_context(tmp_path: Path) -> None:
    path = config(tmp_path / "c", current="b", a="one", b="two")
    assert KubernetesBackend(kubeconfig=str(path)).namespace == "two"


def test_another_context_has_its_own(tmp_path: Path) -> None:
    path = config(tmp_path / "c", current="b", a="one", b="two")
    assert KubernetesBackend(kubeconfig=str(path), context="a").namespace == "one"


def test_a_context_without_one_means_default(tmp_path: Path) -> None:
    path = config(tmp_path / "c", current="a", a="")
    assert KubernetesBackend(kubeconfig=str(path)).namespace == "default"


def test_of_several_files_the_first_that_names_it_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = config(tmp_path / "1", a="one")
    second = config(tmp_path / "2", current="a", a="two")
    monkeypatch.setenv("KUBECONFIG", f"{first}{os.pathsep}{second}")
    assert KubernetesBackend().namespace == "one"


@pytest.mark.parametrize("text", ["", "[]", "{", "contexts: 3"])
def test_what_is_no_kubeconfig_is_the_clients_to_tell(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "c"
    path.write_text(text)
    assert KubernetesBackend(kubeconfig=str(path)).namespace == "default"
