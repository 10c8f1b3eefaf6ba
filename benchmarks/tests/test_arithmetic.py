"""What the tables say follows from what was measured."""

from typing import Any

import pytest
from data_plane import wire
from data_plane.load import LoadError, parse_h2load
from data_plane.report import targets_table
from data_plane.samples import Sample, Spread, rates
from data_plane.targets import BEST_PYTHON, Target, Verdict, judge, miswired


def spread(median: float) -> Spread:
    return Spread(median=median, low=median, high=median, count=1)


def sample(**changes: Any) -> Sample:
    values = {
        "peer": "inferry",
        "cell": "iris-8",
        "round": 0,
        "connections": 8,
        "requests": 100,
        "rate": 100.0,
        "p50": 1.0,
        "p99": 2.0,
        "cpu": 10_000.0,
        "share": 1.0,
        "core_idle": 0.0,
    }
    return Sample(**{**values, **changes})


FASTER = Target(what="iris", case="iris-8", against="kserve", least=15)
SMALLER = Target(what="memory", case="memory", against="kserve", most=0.7)
BEST = Target(what="img", case="img.json", against=BEST_PYTHON, least=1.7)


@pytest.mark.parametrize(
    ("target", "ours", "theirs", "met"),
    [
        (FASTER, 1500, 100, True),
        (FASTER, 1499, 100, False),
        (SMALLER, 70, 100, True),
        (SMALLER, 71, 100, False),
    ],
)
def test_a_target_is_met_up_to_its_bound(
    target: Target, ours: float, theirs: float, *, met: bool
) -> None:
    verdict = judge(target, {"inferry": spread(ours), "kserve": spread(theirs)})
    assert verdict.met is met
    assert verdict.value == pytest.approx(ours / theirs)


def test_what_was_not_measured_is_neither_met_nor_missed() -> None:
    assert judge(FASTER, {"inferry": spread(1)}).met is None
    assert judge(FASTER, {"kserve": spread(1)}).met is None


def test_the_best_python_peer_is_the_fastest_and_never_triton() -> None:
    found = {
        "inferry": spread(340),
        "kserve": spread(100),
        "mlserver": spread(200),
        "triton": spread(900),
    }
    verdict = judge(BEST, found)
    assert verdict.value == pytest.approx(1.7)
    assert "mlserver 200" in verdict.result


def test_a_disturbed_window_does_not_count() -> None:
    kept, lost = sample(rate=90.0), sample(rate=10.0, share=0.5)
    assert rates([kept, lost], "iris-8")["inferry"].median == 90.0
    assert rates([lost], "iris-8") == {}


def test_a_server_that_leaves_its_core_idle_is_slow_not_disturbed() -> None:
    assert not sample(share=0.5, core_idle=0.49).disturbed


def test_few_connections_need_no_full_core() -> None:
    assert not sample(connections=1, share=0.5).disturbed


def test_by_cpu_time_no_window_is_lost() -> None:
    found = rates([sample(rate=10.0, share=0.5, cpu=2_000.0)], "iris-8", by_cpu=True)
    assert found["inferry"].median == 500.0


def test_a_limit_that_equals_ours_is_a_fault() -> None:
    assert miswired({"inferry": spread(100), "uvicorn": spread(101)})
    assert not miswired({"inferry": spread(100), "uvicorn": spread(150)})


def test_the_table_says_yes_no_and_not_measured() -> None:
    verdicts = [
        Verdict(what=name, target="t", result="r", met=met)
        for name, met in (("a", True), ("b", False), ("c", None))
    ]
    assert targets_table(verdicts).splitlines()[2:] == [
        "| a | t | r | yes |",
        "| b | t | r | **no** |",
        "| c | t | r | - |",
    ]


def test_h2loads_log_gives_rate_and_percentiles() -> None:
    log = "".join(f"{n}\t200\t{n}\n" for n in range(1, 101))
    load = parse_h2load(log, 2)
    assert (load.rate, load.p50, load.p99) == (50.0, 50.5, 99.0)


def test_one_failed_stream_fails_the_window() -> None:
    with pytest.raises(LoadError):
        parse_h2load("1\t200\t5\n2\t-1\t5\n", 1)


def test_the_messages_are_what_protobuf_writes() -> None:
    message = wire.infer_request("m", "x", "FP32", [1, 300], floats=[1.0])
    assert message == bytes.fromhex(
        "0a016d 2a16 0a0178 120446503332 1a0301ac02 2a06 3204 0000803f"
    )
