"""Where the sockets are: private, short enough, and stale ones removed."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from inferry.errors import BackendError
from inferry_local._instances import instances, socket_path

if TYPE_CHECKING:
    from pathlib import Path


def listening(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(path))
    server.listen()
    return server


def test_the_folder_is_made_for_its_owner_alone(runtime_folder: Path) -> None:
    path = socket_path(8080)

    assert path == runtime_folder / "inferry" / "8080.sock"
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_without_a_runtime_folder_the_temporary_one_is_used(
    runtime_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")

    path = socket_path(8080)

    assert path == tmp_path / "tmp" / f"inferry-{os.getuid()}" / "8080.sock"


def test_a_folder_that_others_can_enter_is_refused(runtime_folder: Path) -> None:
    folder = runtime_folder / "inferry"
    folder.mkdir()
    folder.chmod(0o755)

    with pytest.raises(BackendError, match="others than you can enter it"):
        socket_path(8080)


def test_a_link_in_place_of_the_folder_is_refused(
    runtime_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    (runtime_folder / "inferry").symlink_to(tmp_path / "theirs")

    with pytest.raises(BackendError, match="cannot be used"):
        socket_path(8080)


def test_a_path_that_is_too_long_falls_back_to_the_temporary_folder(
    runtime_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))

    assert socket_path(8080).parent.parent == tmp_path / "tmp"


def test_instances_are_found_by_port_and_stale_sockets_are_removed(
    runtime_folder: Path,
) -> None:
    live = listening(socket_path(8081))
    stale_path = socket_path(8082)
    listening(stale_path).close()
    (stale_path.parent / "notes.sock").touch()

    found = instances()
    live.close()

    assert [instance.port for instance in found] == [8081]
    assert not stale_path.exists()
