"""`inferry storage ls`, `stat` and `whoami`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest
    from conftest import Shelf


def test_ls_lists_files(command: Any, shelf: Shelf) -> None:
    result = command("ls", shelf.uri())

    assert result.stdout.splitlines() == [
        "       2 B  config.json",
        "       0 B  empty.txt",
        "   195 KiB  weights/one.bin",
        "    68 KiB  weights/two.bin",
    ]


def test_ls_tells_digests_as_json(command: Any, shelf: Shelf) -> None:
    first = json.loads(command("ls", shelf.uri(), "--json").stdout)[0]

    assert (first["path"], first["size"]) == ("config.json", 2)
    assert first["digest"].startswith("sha256:")


def test_ls_of_a_local_model(command: Any, shelf: Shelf) -> None:
    assert "config.json" in command("ls", str(shelf.root)).stdout
    assert "config.json" in command("ls", str(shelf.root / "config.json")).stdout


def test_stat_says_what_would_come(command: Any, shelf: Shelf) -> None:
    told = json.loads(command("stat", shelf.uri("?promise=none"), "--json").stdout)

    assert told.pop("snapshot")
    assert told == {
        "uri": f"shelf://{shelf.root}",
        "files": 4,
        "bytes": 270_002,
        "rung": "etag",
    }
    assert shelf.reads == []
    assert "bytes:     264 KiB (270002)" in command("stat", shelf.uri()).stdout


def test_stat_of_a_local_model(command: Any, shelf: Shelf) -> None:
    told = json.loads(command("stat", str(shelf.root), "--json").stdout)

    assert (told["files"], told["bytes"], told["rung"]) == (4, 270_002, "local")


def test_whoami_names_the_rung_and_never_a_value(
    command: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIACANARY")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")

    shown = command("whoami", "s3://bucket/model")
    told = json.loads(command("whoami", "s3://bucket/model", "--json").stdout)

    assert told["backend"] == "s3"
    assert told["rung"] == "environment"
    assert "AWS_SECRET_ACCESS_KEY" in told["keys"]
    assert "rung:     environment" in shown.stdout
    assert "canary" not in shown.output.lower() + json.dumps(told).lower()


def test_whoami_of_a_path_needs_nothing(command: Any) -> None:
    assert "rung:     none" in command("whoami", "/models/m.onnx").stdout
