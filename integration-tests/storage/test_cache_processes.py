"""One cache, many processes: one download, whoever of them is killed."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from storage import pulling
from storage.blobs import Blob, differences

if TYPE_CHECKING:
    from storage.conftest import Pod
    from storage.faults import FaultProxy
    from storage.origin import Origin

MEBI = 2**20
TREE = {
    "one.bin": Blob(24 * MEBI, seed=1),
    **{f"small/{n:02}": Blob(3000 + n, seed=10 + n) for n in range(40)},
}
SIZE = sum(blob.size for blob in TREE.values())
COMMAND = [*pulling.CACHED, "s3://models/tree"]


@pytest.fixture(autouse=True)
def filled(origin: Origin) -> None:
    origin.blobs |= {f"models/tree/{name}": blob for name, blob in TREE.items()}


def test_eight_processes_download_once(proxy: FaultProxy, pod: Pod) -> None:
    environment = pulling.surroundings(pod.home, proxy.url)
    started = [pulling.start(COMMAND, environment) for _ in range(8)]
    said = [process.communicate(timeout=60) for process in started]
    assert [process.returncode for process in started] == [0] * 8, said
    folders = {json.loads(out)["path"] for out, _ in said}
    assert len(folders) == 1
    assert differences(Path(folders.pop()), TREE) == []
    assert proxy.sent == SIZE


def test_when_the_one_that_downloads_is_killed_another_goes_on(
    proxy: FaultProxy, pod: Pod
) -> None:
    environment = pulling.surroundings(pod.home, proxy.url)
    first = pulling.start(COMMAND, environment)
    deadline = time.monotonic() + 30
    while proxy.sent < SIZE // 4 and time.monotonic() < deadline:
        time.sleep(0.002)
    others = [pulling.start(COMMAND, environment) for _ in range(3)]
    first.kill()
    first.communicate(timeout=10)
    for process in others:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert differences(Path(json.loads(out)["path"]), TREE) == []
    assert proxy.sent < 2 * SIZE


def test_what_is_cached_is_found_again_without_a_byte(
    proxy: FaultProxy, pod: Pod
) -> None:
    environment = pulling.surroundings(pod.home, proxy.url)
    paths = []
    for _ in range(2):
        done = pulling.run(COMMAND, environment)
        assert done.returncode == 0, done.stderr
        paths.append(json.loads(done.stdout)["path"])
    assert paths[0] == paths[1]
    assert proxy.sent == SIZE


def test_a_file_that_two_snapshots_share_is_fetched_once(
    origin: Origin, proxy: FaultProxy, pod: Pod
) -> None:
    environment = pulling.surroundings(pod.home, proxy.url)
    assert pulling.run(COMMAND, environment).returncode == 0
    new = TREE | {"small/00": Blob(5000, seed=99)}
    origin.blobs["models/tree/small/00"] = new["small/00"]
    done = pulling.run(COMMAND, environment)
    assert done.returncode == 0, done.stderr
    assert differences(Path(json.loads(done.stdout)["path"]), new) == []
    assert proxy.sent == SIZE + 5000
