"""What is said of a revision that failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.planning import ComponentPlan, RevisionPlan
from inferry_local.messages import State
from inferry_local.records import RevisionRecord

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("files", "reason", "remedy"),
    [
        (["iris.tar.gz"], "ModelNotFound", "unpack iris.tar.gz in the store, or set"),
        (["iris.tar.gz", "README.md"], "ModelNotFound", "put it there"),
        (["iris.tar.gz"], "ModelCorrupt", "put it there"),
        (["model.txt"], "ModelNotFound", "put it there"),
    ],
)
def test_an_archive_that_no_runtime_reads_should_be_unpacked(
    files: list[str], reason: str, remedy: str, tmp_path: Path
) -> None:
    for name in files:
        (tmp_path / name).touch()
    plan = RevisionPlan(name="a", components=(ComponentPlan(component="predictor"),))
    revision = RevisionRecord(plan=plan, application="a", path=tmp_path)

    failed = revision.failed(
        State(name="iris", phase="Failed", reason=reason, remedy="put it there")
    )

    assert failed.remedy.startswith(remedy)
