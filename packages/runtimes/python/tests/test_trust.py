"""Code runs only from where the settings say, and never because a service says so."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import ModelLoadError
from inferry_runtime_python import _trust
from inferry_runtime_python.model import PythonModel

if TYPE_CHECKING:
    from collections.abc import Callable

CODE = """
    from pathlib import Path
    Path(__file__).with_name("ran").touch()

    class Model:
        def predict(self, values):
            return values
"""
VARIABLE = "INFERRY_PLUGINS__PYTHON__TRUST"


def ran(folder: Path, **options: Any) -> bool:
    PythonModel().load(folder, options)
    return (folder / "ran").exists()


def test_code_that_is_not_trusted_does_not_run(
    write: Callable[..., Path], settings: pytest.MonkeyPatch
) -> None:
    settings.delenv(VARIABLE)
    folder = write(CODE)

    with pytest.raises(ModelLoadError, match="the settings do not trust") as caught:
        ran(folder)

    assert caught.value.reason == "ModelUnsafe"
    assert f'trust = ["{folder}"] below [plugins.python]' in caught.value.remedy
    assert f"{VARIABLE}={folder}" in caught.value.remedy
    assert not (folder / "ran").exists()


def test_an_option_does_not_help(
    write: Callable[..., Path], settings: pytest.MonkeyPatch
) -> None:
    settings.delenv(VARIABLE)
    folder = write(CODE)

    with pytest.raises(ModelLoadError, match="do not trust"):
        ran(folder, trust=str(folder))


def test_what_the_remedy_says_helps(
    write: Callable[..., Path], settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.delenv(VARIABLE)
    folder = write(CODE)
    file = tmp_path / "working-directory" / "inferry.toml"
    file.write_text(f'[plugins.python]\ntrust = ["{folder}"]\n')

    assert ran(folder)


def test_a_folder_above_helps(write: Callable[..., Path], tmp_path: Path) -> None:
    assert ran(write(CODE))


def test_a_relative_folder_starts_at_the_working_directory(
    write: Callable[..., Path], settings: pytest.MonkeyPatch
) -> None:
    settings.setenv(VARIABLE, "../model")

    assert ran(write(CODE))


def test_home_is_the_users_whatever_the_environment_says(
    settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.setenv("HOME", str(tmp_path))
    home = Path(pwd.getpwuid(os.getuid()).pw_dir)

    assert not _trust.is_trusted(tmp_path / "model.py", ["~"])
    assert _trust.is_trusted(home / "models" / "model.py", ["~/models"])


def test_a_link_out_of_a_trusted_folder_does_not_help(
    write: Callable[..., Path], settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = write(CODE)
    (tmp_path / "trusted").mkdir()
    (tmp_path / "trusted" / "link").symlink_to(folder)
    settings.setenv(VARIABLE, str(tmp_path / "trusted"))

    with pytest.raises(ModelLoadError, match="do not trust"):
        ran(tmp_path / "trusted" / "link")


def test_a_longer_name_is_another_folder(
    write: Callable[..., Path], settings: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings.setenv(VARIABLE, str(tmp_path / "mod"))

    with pytest.raises(ModelLoadError, match="do not trust"):
        ran(write(CODE))


def test_settings_that_cannot_be_read_trust_nothing(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    file = tmp_path / "working-directory" / "inferry.toml"
    file.write_text("[plugins.python]\ntrust = 1\n")

    with pytest.raises(ModelLoadError, match="the settings cannot be read"):
        ran(write(CODE))


def test_the_source_that_a_backend_names_helps(
    write: Callable[..., Path], settings: pytest.MonkeyPatch
) -> None:
    settings.setenv(VARIABLE, "https://models.example/ours")
    settings.setenv(_trust.SOURCE_VARIABLE, "https://models.example/ours/iris?x=1")

    assert ran(write(CODE))


@pytest.mark.parametrize(
    ("uri", "trusted"),
    [
        ("s3://bucket/ours/iris", True),
        ("s3://bucket/ours", True),
        ("s3://bucket/ours-not", False),
        ("s3://bucket/ours/../theirs", False),
        ("s3://other/ours/iris", False),
        ("gs://bucket/ours/iris", False),
        ("s3://me@bucket/ours/iris", False),
    ],
)
def test_a_uri_is_compared_part_by_part(uri: str, *, trusted: bool) -> None:
    assert _trust.is_trusted_uri(uri, ["", "/ours", "s3://bucket/ours/"]) is trusted
