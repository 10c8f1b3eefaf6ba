"""`inferry storage verify`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Shelf


def test_a_pulled_folder_is_what_it_was(command: Any, shelf: Shelf, dest: Path) -> None:
    command("pull", shelf.uri(), str(dest))

    result = command("verify", str(dest))

    assert result.exit_code == 0
    assert result.stdout == f"{dest} is {shelf.uri()}: 4 files, 4 by digest\n"


def test_a_changed_file_is_named(command: Any, shelf: Shelf, dest: Path) -> None:
    command("pull", shelf.uri(), str(dest))
    (dest / "config.json").chmod(0o600)
    (dest / "config.json").write_bytes(b"[]")

    result = command("verify", str(dest))

    assert result.exit_code == 6
    assert "config.json was changed" in result.stderr


def test_a_missing_file_is_named(command: Any, shelf: Shelf, dest: Path) -> None:
    command("pull", shelf.uri("?promise=none"), str(dest))
    (dest / "weights" / "one.bin").unlink()

    result = command("verify", str(dest), "--against", shelf.uri())

    assert result.exit_code == 6
    assert "weights/one.bin is missing" in result.stderr


def test_without_digests_it_says_by_what(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    uri = shelf.uri("?promise=none")
    command("pull", uri, str(dest))

    assert "4 by unchanged" in command("verify", str(dest)).stdout
    assert "4 by length" in command("verify", str(dest), "--against", uri).stdout


def test_a_checksum_is_no_digest(command: Any, shelf: Shelf, dest: Path) -> None:
    command("pull", shelf.uri("?promise=checksum"), str(dest))

    assert "4 files, 4 by checksum\n" in command("verify", str(dest)).stdout


def test_a_checksum_that_the_store_takes_back_says_nothing(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    uri = shelf.uri("?promise=taken")
    assert "verified by etag" in command("pull", uri, str(dest)).output

    assert "4 by unchanged" in command("verify", str(dest)).stdout
    assert "4 by length" in command("verify", str(dest), "--against", uri).stdout
    (dest / "config.json").chmod(0o600)
    (dest / "config.json").write_bytes(b"[1]")
    result = command("verify", str(dest), "--against", uri)
    assert result.exit_code == 6
    assert "config.json was changed" in result.stderr


def test_a_folder_of_no_pull_asks_for_a_uri(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    result = command("verify", str(shelf.root))

    assert result.exit_code == 3
    assert "--against URI" in result.stderr


def test_a_cached_model_is_verified_by_its_uri(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    assert command("verify", shelf.uri()).exit_code == 3
    command("pull", shelf.uri(), str(dest))

    told = json.loads(command("verify", shelf.uri(), "--json").stdout)

    assert told["rungs"]["digest"] == 4
    assert told["path"].startswith(str(command.cache))
