from __future__ import annotations

import pytest

from inferry.api import Loaded, Problem
from inferry.api._problems import spell


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("spec", "predictor"), "spec.predictor"),
        (("containers", 0, "image"), "containers[0].image"),
        (("labels", "example.com/team"), "labels[example.com/team]"),
    ],
)
def test_paths_are_spelt_as_people_write_them(path: str, text: str) -> None:
    assert spell(path) == text


def test_a_problem_reads_as_a_compiler_writes() -> None:
    problem = Problem(
        path="spec.predictor.minReplica",
        message="unknown field",
        file="service.yaml",
        line=7,
        column=5,
        suggestion="minReplicas",
    )

    assert str(problem) == (
        "service.yaml:7:5: error: spec.predictor.minReplica: unknown field; "
        "did you mean 'minReplicas'?"
    )


def test_a_problem_without_a_place_leaves_it_out() -> None:
    assert str(Problem(path="", message="bad")) == "error: bad"
    assert str(Problem(path="a", message="b", file="f")) == "f: error: a: b"


def test_errors_and_warnings_are_told_apart() -> None:
    error = Problem(path="a", message="b")
    warning = Problem(path="a", message="b", severity="warning")

    loaded = Loaded(problems=(warning, error))

    assert loaded.errors == (error,)
    assert loaded.warnings == (warning,)
    Loaded(problems=(warning,)).raise_for_problems()
