"""The memory of a fetch does not grow with what is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from storage import pulling
from storage.blobs import Blob, differences
from storage.memory import Memory

if TYPE_CHECKING:
    from storage.conftest import Pod
    from storage.faults import FaultProxy
    from storage.origin import Origin

MOST_MIB = 150
ONE = {"one.bin": Blob(2**30, seed=1)}


def test_one_gibibyte_takes_at_most_150_mebibytes(origin: Origin, pod: Pod) -> None:
    origin.blobs["models/one/one.bin"] = ONE["one.bin"]
    environment = pulling.surroundings(pod.home, origin.url)
    process = pulling.start(
        [*pulling.INIT, "s3://models/one", str(pod.model)], environment
    )
    with Memory(process.pid) as memory:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert differences(pod.model, ONE) == []
    assert 0 < memory.peak <= MOST_MIB


def test_three_thousand_files_take_at_most_150_mebibytes(
    origin: Origin, proxy: FaultProxy, pod: Pod
) -> None:
    """What is noted of each file is bounded too."""
    tree = {f"{n % 50:02}/{n:05}": Blob(16, seed=n % 8) for n in range(3000)}
    origin.blobs |= {f"models/many/{name}": blob for name, blob in tree.items()}
    environment = pulling.surroundings(pod.home, proxy.url)
    process = pulling.start(
        [*pulling.INIT, "s3://models/many", str(pod.model)], environment
    )
    with Memory(process.pid) as memory:
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert differences(pod.model, tree) == []
    assert 0 < memory.peak <= MOST_MIB
