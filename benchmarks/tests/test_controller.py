"""The controller's targets: each number is judged, and shown beside KServe's."""

from controller.suite import CASES
from controller.targets import TARGETS, judged, table


def test_each_target_is_of_a_case() -> None:
    """A target that no case measures would be met by silence."""
    assert {bound.case for bound in TARGETS} == set(CASES)


def test_what_was_measured_is_judged_and_nothing_else() -> None:
    """A bound is met by what is equal to it."""
    rows = judged({"idle": {"core": 1.0}, "apply": {"p50": 9.0, "p99": 201.0}})

    assert [(bound.what, each.met) for bound, each in rows] == [
        ("p99", False),
        ("core", True),
    ]


def test_the_table_says_what_kserve_took() -> None:
    """Its figures stand beside ours, and are not measured here."""
    text = table(
        judged(
            {
                "restart": dict.fromkeys(("memory", "seconds"), 3.0)
                | {"writes": 0.0, "pass": 0.5}
            }
        )
    )

    assert "| restart, nothing changed | <= 4 s | 3 s | yes | 13 s for 1,000 |" in text
