"""CPU limits as cgroups write them down."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from inferry_server import cpu

if TYPE_CHECKING:
    from pathlib import Path


Cgroup = "Callable[[str, dict[str, str]], tuple[Path, Path]]"
CPUS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@pytest.fixture
def cgroup(tmp_path: Any) -> Cgroup:
    def write(membership: str, files: dict[str, str]) -> tuple[Path, Path]:
        (tmp_path / "membership").write_text(membership)
        for path, text in files.items():
            file = tmp_path / "root" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path / "root", tmp_path / "membership"

    return write


@pytest.mark.parametrize(
    ("membership", "files", "expected"),
    [
        ("0::/\n", {"cpu.max": "50000 100000\n"}, 0.5),
        ("0::/\n", {"cpu.max": "max 100000\n"}, None),
        ("0::/a/b\n", {"a/cpu.max": "25000 100000", "a/b/cpu.max": "max 1"}, 0.25),
        ("0::/../x\n", {"x/cpu.max": "25000 100000"}, 0.25),
        (
            "4:cpu,cpuacct:/\n",
            {"cpu/cpu.cfs_quota_us": "30000", "cpu/cpu.cfs_period_us": "100000"},
            0.3,
        ),
        (
            "4:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            None,
        ),
        ("0::/\n", {"cpu.max": "nonsense"}, None),
        ("0::/\n", {}, None),
    ],
)
def test_the_least_limit_counts(
    cgroup: Cgroup, membership: str, files: dict[str, str], expected: Any
) -> None:
    assert cpu.quota(*cgroup(membership, files)) == (expected or CPUS)


def test_threads_are_whole_and_at_least_one(cgroup: Cgroup) -> None:
    assert cpu.threads(*cgroup("0::/\n", {"cpu.max": "100 100000"})) == 1


def test_this_machine_has_an_answer() -> None:
    assert 0 < cpu.quota() <= CPUS
