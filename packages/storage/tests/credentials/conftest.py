"""Ladders are asked with an environment, secrets and a home of the test's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inferry.config import Settings
from inferry.plugins import Provided
from inferry.storage import Credentials, Source
from inferry_storage.credentials import resolve
from inferry_storage.plugin import inferry_storage_backends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from inferry.plugins import StorageBackend
    from inferry.storage import Secret

BACKENDS = {each.name: each for each in inferry_storage_backends()}


class Asking:
    """Resolves credentials; ``home`` is empty until a test writes into it."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self.secrets = folder / "secrets"
        self.home.mkdir()
        self.secrets.mkdir()

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file below the home folder."""
        return _written(self.home / path, text)

    def mount(self, secret: str, **values: str) -> None:
        """Mount a secret as a pod sees it."""
        for key, value in values.items():
            _written(self.secrets / secret / key, value)
        _written(self.secrets / secret / "..data" / "x", "kubelet's own")

    def settings(self, **more: Any) -> Settings:
        """Return settings with the folder of mounted secrets."""
        return Fixed({"secrets_dir": str(self.secrets), **more})

    def __call__(
        self,
        kind: str,
        uri: str,
        *,
        environ: Mapping[str, str] | None = None,
        secrets: Sequence[Secret] = (),
        settings: Mapping[str, Any] | None = None,
        backend: StorageBackend | None = None,
        named: tuple[str, ...] = (),
        **source: Any,
    ) -> Credentials:
        provided = Provided(
            descriptor=backend or BACKENDS[kind],
            plugin="storage",
            distribution="inferry-storage",
            version="0",
        )
        return resolve(
            Source(uri=uri, secrets=named, **source),
            provided,
            settings=self.settings(**(settings or {})),
            environ=environ or {},
            home=self.home,
            secrets=secrets,
        )


class Fixed(Settings):
    """Settings whose section is as a test has it."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__()
        self.given = dict(values)

    def section(self, name: str) -> dict[str, Any]:
        return self.given if name == "storage" else super().section(name)


def _written(path: Path, text: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.fixture
def ask(tmp_path: Path) -> Asking:
    return Asking(tmp_path)
