"""The command line, without a process."""

from __future__ import annotations

import pytest

from inferry.errors import SettingsError
from inferry.plugins import Option
from inferry_server.cli.flags import parse, peek, usage

OPTIONS = (
    Option(name="allowPickle", type="bool", default=False, help="Load pickles."),
    Option(name="threads", type="int", default=0),
)


@pytest.mark.parametrize(
    "argv",
    [
        ["--http_port=1", "--model-name", "m", "--allowPickle=true"],
        ["--httpPort", "1", "--model_name=m", "--allow_pickle"],
        ["--allow-pickle", "--HTTP_PORT=1", "--modelName", "m"],
    ],
)
def test_every_spelling_means_the_same(argv: list[str]) -> None:
    flags = parse(argv, OPTIONS)
    assert flags.own == {"httpPort": 1, "modelName": "m"}
    assert flags.options == {"allowPickle": True, "threads": 0}


def test_a_flag_without_effect_is_reported() -> None:
    flags = parse(
        ["--grpc_port", "8081", "--enable_latency_logging", "--max_threads=4"], ()
    )
    assert len(flags.notes) == 3
    assert flags.notes[0] == "--grpc_port has no effect: gRPC is not served yet"


def test_every_problem_is_listed() -> None:
    argv = [
        "--http_prt=1",
        "stray",
        "--threads=x",
        "--allowPickle=maybe",
        "--model_name",
    ]
    argv += ["--predictor_host=h"]
    with pytest.raises(SettingsError) as caught:
        parse(argv, OPTIONS)
    assert caught.value.problems == (
        "unknown flag --http_prt; did you mean --http_port?",
        "'stray' is no flag; write --name=value",
        "--threads takes a whole number, not 'x'",
        "--allow_pickle takes true or false, not 'maybe'",
        "--model_name takes a value, not nothing",
        "--predictor_host: transformers are not served",
    )


def test_an_unknown_flag_near_nothing_points_to_help() -> None:
    with pytest.raises(SettingsError, match="unknown flag --qqq; --help lists them"):
        parse(["--qqq"], ())


@pytest.mark.parametrize("argv", [["--runtime", "onnx"], ["--runtime=onnx"]])
def test_the_runtime_is_found_before_the_rest(argv: list[str]) -> None:
    assert peek([*argv, "--nonsense"], "runtime") == "onnx"
    assert peek(["--runtime"], "runtime") == ""


def test_usage_lists_the_options_of_the_runtime() -> None:
    text = usage(OPTIONS, "sklearn")
    assert "Options of the runtime sklearn:" in text
    assert "--allow_pickle" in text
