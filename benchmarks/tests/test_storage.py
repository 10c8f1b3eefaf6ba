"""What the tables of the downloads say follows from what was measured."""

from pathlib import Path
from typing import Any

import pytest
import results
from storage import targets
from storage.behaviours import Kill, judge_kills
from storage.blobs import Blob, differences
from storage.clients import BUCKET, CLIENTS, MANY, ONE, Job, Store
from storage.filling import trees
from storage.report import clients_table
from storage.rounds import Measured, Plan
from storage.runs import DownloadError, Run, check, timed

STORE = Store(endpoint="http://127.0.0.1:1", key="k", secret="s")


def kill(**changes: Any) -> Kill:
    values = {"after": 1, "killed": True, "again": 10, "bound": 64}
    return Kill(**{**values, **changes})


def run(**changes: Any) -> Run:
    values = {
        "client": "inferry",
        "case": ONE,
        "round": 0,
        "seconds": 2.0,
        "cpu": 1.0,
        "pss": 50.0,
    }
    return Run(**{**values, **changes})


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan(
        clients=list(CLIENTS.values()),
        environments={},
        store=STORE,
        trees=trees(quick=False),
        copies={},
        signed="",
        scratch=tmp_path,
        rounds=3,
        quick=False,
    )


def test_one_object_is_counted_in_mebibytes_and_many_in_files(plan: Plan) -> None:
    measured = Measured(runs=[run(), run(case=MANY)])
    assert measured.rates(ONE, plan)["inferry"].median == 512
    assert measured.rates(MANY, plan)["inferry"].median == 1000


def test_the_median_of_the_rounds_counts_and_the_greatest_memory_is_shown(
    plan: Plan,
) -> None:
    runs = [run(seconds=s, pss=m) for s, m in ((1.0, 10), (2.0, 90), (4.0, 20))]
    table = clients_table(Measured(runs=runs), plan)
    line = "| one object | Inferry | 512 [256 - 1,024] MiB/s | 3 | 90 |"
    assert table.splitlines()[2:] == [line]


def test_targets_name_what_is_downloaded() -> None:
    full = [(t.what, t.text) for t in targets.targets(trees(quick=False))]
    assert full == [
        ("one object of 1 GiB", ">= 0.6x s5cmd"),
        ("one object of 1 GiB", ">= 1.8x kserve-storage"),
        ("2,000 files of 16 KiB", ">= 0.9x s5cmd"),
        ("2,000 files of 16 KiB", ">= 5x kserve-storage"),
    ]
    quick = {target.what for target in targets.targets(trees(quick=True))}
    assert quick == {"one object of 128 MiB", "500 files of 16 KiB"}


def test_a_kill_is_right_only_if_bytes_and_names_are_and_little_came_twice() -> None:
    exact, clean, again = judge_kills([kill(), kill(again=64)])
    assert (exact.met, clean.met, again.met) == (True, True, True)
    assert judge_kills([kill(), kill(wrong="one.bin is missing")])[0].met is False
    assert judge_kills([kill(), kill(litter="x.part")])[1].met is False
    assert judge_kills([kill(), kill(again=65)])[2].met is False


def test_runs_that_were_over_before_the_kill_are_told() -> None:
    exact = judge_kills([kill(), kill(killed=False)])[0]
    assert exact.result == "2 of 2 (1 were killed)"


def test_a_wrong_byte_a_missing_file_and_a_file_too_much_are_seen(
    tmp_path: Path,
) -> None:
    wanted = {"a/1.bin": Blob(3_000_000, seed=1), "empty": Blob(0)}
    for name, blob in wanted.items():
        blob.write(tmp_path / name)
    check(tmp_path, wanted)
    Blob(3_000_000, seed=2).write(tmp_path / "a" / "1.bin")
    (tmp_path / "empty").rename(tmp_path / "other")
    assert differences(tmp_path, wanted) == [
        "empty is missing",
        "other is too much",
        "a/1.bin has other bytes",
    ]
    with pytest.raises(DownloadError, match="3 files are wrong"):
        check(tmp_path, wanted)


def test_parts_that_change_places_are_other_bytes() -> None:
    data = Blob(64 * 2**20, seed=3).read()
    half = len(data) // 2
    assert data[:half] != data[half:]


def test_a_client_that_fails_is_told_with_what_it_said() -> None:
    command = ["sh", "-c", "echo no room >&2; exit 3"]
    with pytest.raises(DownloadError, match="sh ended with no room"):
        timed(command, {})


@pytest.mark.parametrize("name", [c.name for c in CLIENTS.values() if c.installed])
def test_every_client_that_is_installed_has_its_pins(name: str) -> None:
    lines = CLIENTS[name].requirements.read_text().split()
    assert lines
    assert all("==" in line for line in lines)


def test_no_client_has_the_key_in_its_arguments(tmp_path: Path) -> None:
    store = Store(endpoint="http://127.0.0.1:1", key="KEY", secret="SECRET")
    job = Job(
        store=store,
        prefix="one",
        target=tmp_path,
        environment=tmp_path,
        copy=tmp_path,
    )
    for client in CLIENTS.values():
        line = " ".join(client.command(job))
        assert "SECRET" not in line, client.name
        assert BUCKET in line or not client.peer


def test_a_section_that_was_measured_replaces_its_like_and_no_other() -> None:
    kept = "# T\n\n## A\n\none\n\n### Part\n\n## B\n\ntwo\n"
    found = results.merged(kept, {"B": "## B\n\nnew\n", "C": "## C\n\nthree\n"})
    assert found.split("\n\n", 1)[1] == (
        "## A\n\none\n\n### Part\n\n## B\n\nnew\n\n## C\n\nthree\n"
    )
    assert results.merged(found, {}) == found
