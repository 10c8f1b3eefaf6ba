"""``python -m inferry_storage SRC DEST ...``, as a pod runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Shelf

MODULE = "inferry_storage"


def test_each_source_is_pulled_to_its_folder(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    other = dest.with_name("other")
    other.mkdir()

    code, out, err = command.run(
        MODULE, shelf.uri(), str(dest), str(shelf.root / "config.json"), str(other)
    )

    assert (code, err) == (0, "")
    events = [json.loads(line) for line in out.splitlines()]
    done = [each for each in events if each["event"] == "done"]
    assert [each["path"] for each in done] == [str(dest), str(other)]
    assert (dest / "weights" / "one.bin").stat().st_size == 200_000
    assert (other / "config.json").read_bytes() == b"{}"


def test_an_error_is_the_exit_code_and_the_termination_message(
    command: Any, shelf: Shelf, dest: Path, tmp_path: Path
) -> None:
    message = tmp_path / "termination-log"
    message.write_text("of the run before, which was longer than this one is" * 9)

    code, out, err = command.run(
        MODULE,
        f"{shelf.uri()}-none?token=secret",
        str(dest),
        TERMINATION_MESSAGE_PATH=str(message),
    )

    assert code == 3
    assert err == f"{shelf.root}-none is on no shelf\n"
    assert message.read_text() == f"StorageNotFound: {err}".rstrip("\n")
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["kind"], last["exit_code"]) == ("error", "NotFound", 3)
    assert last["reason"] == "StorageNotFound"
    assert "secret" not in out + err


def test_no_termination_message_is_made_where_there_is_no_file(
    command: Any, shelf: Shelf, dest: Path, tmp_path: Path
) -> None:
    message = tmp_path / "none"

    command.run(MODULE, "s4://b", str(dest), TERMINATION_MESSAGE_PATH=str(message))

    assert not message.exists()


@pytest.mark.parametrize("arguments", [(), ("one",), ("one", "two", "three")])
def test_the_wrong_number_of_arguments_is_usage(
    command: Any, arguments: tuple[str, ...]
) -> None:
    code, _, err = command.run(MODULE, *arguments)

    assert code == 2
    assert err == "usage: python -m inferry_storage SRC DEST [SRC DEST ...]\n"


def test_wrong_settings_are_one_line(command: Any, shelf: Shelf, dest: Path) -> None:
    code, _, err = command.run(
        MODULE, shelf.uri(), str(dest), INFERRY_STORAGE__MAX_BYTES="lots"
    )

    assert code == 1
    assert "INFERRY_STORAGE__MAX_BYTES" in err
    assert err.count("\n") == 1


def test_the_settings_are_the_environments(
    command: Any, shelf: Shelf, dest: Path
) -> None:
    code, _, err = command.run(
        MODULE, shelf.uri(), str(dest), INFERRY_STORAGE__MAX_BYTES="1000"
    )

    assert code == 5
    assert "raise [storage] max_bytes" in err


def test_kserves_patterns_are_honoured(command: Any, shelf: Shelf, dest: Path) -> None:
    command.run(MODULE, shelf.uri(), str(dest), STORAGE_ALLOW_PATTERNS='["*.json"]')

    assert [path.name for path in dest.rglob("*")] == ["config.json"]


def test_sigterm_ends_it_at_once(
    command: Any, shelf: Shelf, dest: Path, tmp_path: Path
) -> None:
    message = tmp_path / "termination-log"
    message.touch()
    shelf.order("pause", "5")
    process = command.start(
        MODULE, shelf.uri(), str(dest), TERMINATION_MESSAGE_PATH=str(message)
    )
    shelf.wait_for("weights/one.bin")

    process.send_signal(signal.SIGTERM)

    process.communicate(timeout=4)
    assert process.returncode == 143
    assert message.read_text().startswith("stopped by SIGTERM")


# The interpreter may be where others cannot read, so all is imported before.
UNPRIVILEGED = """
import os, sys
import inferry.plugins
from inferry.config import load_settings
from inferry_storage.container import main
loaded = inferry.plugins.load_plugins("cli", load_settings())
inferry.plugins.load_plugins = lambda *_: loaded
uri, first, volume = sys.argv[1:]
assert main([uri, first]) == 0
os.environ.pop("HOME", None)
os.setgid(65534); os.setuid(65534); os.chdir("/")
sys.exit(main([uri, volume]))
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """Return a folder that every user may write to; pytest's own are private."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        yield folder


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_user_without_a_home_can_pull(
    command: Any, shelf: Shelf, dest: Path, public: Path
) -> None:
    """As in a pod: another user, and nothing to write to but the volume."""
    volume = public / "volume"
    volume.mkdir()
    volume.chmod(0o777)
    shutil.copytree(shelf.root, public / "model")
    (public / "model.log").touch()
    (public / "model.log").chmod(0o666)

    environ = dict(command.environ, INFERRY_STORAGE__CACHE_DIR="")
    arguments = [f"shelf://{public}/model", str(dest), str(volume)]
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, *arguments],
        check=False,
        env={"PYTHONPATH": str(command.plugin), **environ},
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert (volume / "weights" / "one.bin").stat().st_uid == 65534
    assert not (volume / ".inferry").exists()


def test_a_full_volume_is_told_and_left_empty(
    command: Any, shelf: Shelf, tmp_path: Path
) -> None:
    """On a disk of its own, which only a namespace of its own lets a test mount."""
    shelf.put("weights/one.bin", os.urandom(900_000))
    volume = tmp_path / "volume"
    volume.mkdir()
    mounted = (
        'mount -t tmpfs -o size=600k none "$0" && "$@"; code=$?; ls -A "$0"; exit $code'
    )
    pull = [sys.executable, "-m", MODULE, shelf.uri(), str(volume)]

    done = subprocess.run(
        ["unshare", "--map-root-user", "--mount", "sh", "-c", mounted, volume, *pull],
        check=False,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(command.plugin),
            "HOME": str(tmp_path),
        },
        capture_output=True,
        text=True,
    )

    assert done.returncode == 8
    assert "has room for" in done.stderr
    last = json.loads(done.stdout.splitlines()[-1])
    assert last["kind"] == "DiskFull"


def test_two_sources_have_two_folders(command: Any, shelf: Shelf, dest: Path) -> None:
    """The second would take the place of the first, or be mixed with it."""
    again = f"{dest.parent}/./{dest.name}"

    code, _, err = command.run(MODULE, shelf.uri(), str(dest), shelf.uri(), again)

    assert code == 2
    assert err == f"two SRC have the DEST {dest}; give each a folder of its own\n"
    assert not dest.exists()


def test_an_empty_folder_is_not_the_one_here(command: Any, shelf: Shelf) -> None:
    code, _, err = command.run(MODULE, shelf.uri(), "")

    assert code == 2
    assert err.startswith("a DEST is empty; usage: ")
