"""A fetch that is killed and run again: the right bytes, no litter, little twice."""

from __future__ import annotations

import json
import random
import signal
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
WORKERS = 4
TREE = {
    "one.bin": Blob(24 * MEBI, seed=1),
    "nested/two.bin": Blob(5 * MEBI + 1, seed=2),
    "empty": Blob(0),
    **{f"small/{n:02}": Blob(3000 + n, seed=10 + n) for n in range(40)},
}
SIZE = sum(blob.size for blob in TREE.values())
URI = "s3://models/tree"
POINTS = [random.Random(5).random() for _ in range(6)]


@pytest.fixture(autouse=True)
def filled(origin: Origin) -> None:
    origin.blobs |= {f"models/tree/{name}": blob for name, blob in TREE.items()}


def surroundings(pod: Pod, proxy: FaultProxy) -> dict[str, str]:
    workers = {"INFERRY_STORAGE__WORKERS": str(WORKERS)}
    return pulling.surroundings(pod.home, proxy.url, **workers)


@pytest.mark.parametrize("point", POINTS, ids=lambda point: f"{point:.0%}")
@pytest.mark.parametrize("there", [False, True], ids=["new folder", "mounted folder"])
def test_a_pull_that_was_killed_goes_on_where_it_was(
    proxy: FaultProxy, pod: Pod, point: float, *, there: bool
) -> None:
    if there:
        pod.model.mkdir(parents=True)
    command = [*pulling.INIT, URI, str(pod.model)]
    environment = surroundings(pod, proxy)
    assert pulling.run_until(proxy, int(point * SIZE), command, environment) < 0
    done = pulling.run(command, environment)
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, TREE) == []
    assert {path.name for path in pod.model.parent.iterdir()} == {pod.model.name}
    assert proxy.sent - SIZE <= WORKERS * pulling.largest_part(proxy)


@pytest.mark.parametrize("point", POINTS[:4], ids=lambda point: f"{point:.0%}")
def test_a_fetch_into_the_cache_that_was_killed_leaves_nothing_behind(
    proxy: FaultProxy, pod: Pod, tmp_path: Path, point: float
) -> None:
    command = [*pulling.CACHED, URI]
    clean = surroundings(pod, proxy) | {"XDG_CACHE_HOME": str(tmp_path / "clean")}
    assert pulling.run(command, clean).returncode == 0
    before = proxy.sent
    environment = surroundings(pod, proxy)
    assert pulling.run_until(proxy, int(point * SIZE), command, environment) < 0
    done = pulling.run(command, environment)
    assert done.returncode == 0, done.stderr
    assert differences(Path(json.loads(done.stdout)["path"]), TREE) == []
    assert pulling.names(pod.home / "cache") == pulling.names(tmp_path / "clean")
    again = proxy.sent - before - SIZE
    assert again <= WORKERS * pulling.largest_part(proxy)


def test_killed_again_and_again_it_gets_there(proxy: FaultProxy, pod: Pod) -> None:
    command = [*pulling.INIT, URI, str(pod.model)]
    environment = surroundings(pod, proxy)
    for _ in range(5):
        pulling.run_until(proxy, SIZE // 6, command, environment)
    done = pulling.run(command, environment)
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, TREE) == []


def test_what_a_killed_pull_left_is_not_mixed_with_a_new_version(
    origin: Origin, proxy: FaultProxy, pod: Pod
) -> None:
    command = [*pulling.INIT, URI, str(pod.model)]
    environment = surroundings(pod, proxy)
    assert pulling.run_until(proxy, SIZE // 2, command, environment) < 0
    new = TREE | {"one.bin": Blob(24 * MEBI, seed=77)}
    origin.blobs["models/tree/one.bin"] = new["one.bin"]
    done = pulling.run(command, environment)
    assert done.returncode == 0, done.stderr
    assert differences(pod.model, new) == []


def test_a_pod_that_is_asked_to_end_ends_at_once(proxy: FaultProxy, pod: Pod) -> None:
    command = [*pulling.INIT, URI, str(pod.model)]
    process = pulling.start(command, surroundings(pod, proxy))
    proxy.tell(SIZE // 3, lambda: process.send_signal(signal.SIGTERM))
    _, err = process.communicate(timeout=10)
    assert process.returncode != 0
    assert "Traceback" not in err
    assert not pod.model.exists()
