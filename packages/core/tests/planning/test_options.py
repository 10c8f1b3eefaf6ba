from __future__ import annotations

import pytest

from inferry.errors import PlanningError
from inferry.planning._options import Arguments, read_arguments
from inferry.plugins import Option

OPTIONS = (
    Option(name="allowPickle", type="bool", default=False),
    Option(name="method", default="predict"),
    Option(name="threads", type="int", default=0),
    Option(name="threshold", type="float"),
)


def read(*args: str) -> Arguments:
    return read_arguments((("args", args),), OPTIONS, runtime="sklearn")


@pytest.mark.parametrize(
    ("args", "name", "expected"),
    [
        (["--allowPickle=true"], "allowPickle", True),
        (["--allow_pickle"], "allowPickle", True),
        (["--allow-pickle", "--method=x"], "allowPickle", True),
        (["--allowPickle", "false"], "allowPickle", False),
        (["--allow_pickle=OFF"], "allowPickle", False),
        (["--threads", "-1"], "threads", -1),
        (["--threads=4", "--threads=5"], "threads", 5),
        (["--threshold=0.5"], "threshold", 0.5),
        (["--method", "predict_proba"], "method", "predict_proba"),
        (["--method="], "method", ""),
        (["--method=a=b"], "method", "a=b"),
    ],
)
def test_a_flag_becomes_a_typed_option(
    args: list[str], name: str, expected: object
) -> None:
    assert read(*args).values()[name] == expected


def test_every_declared_option_is_there_with_its_default() -> None:
    assert read().values() == {
        "allowPickle": False,
        "method": "predict",
        "threads": 0,
        "threshold": None,
    }


def test_a_later_source_wins_and_is_named() -> None:
    arguments = read_arguments(
        (("runtime x", ["--threads=1"]), ("the service", ["--threads=2"])),
        OPTIONS,
        runtime="x",
    )
    threads = next(o for o in arguments.options if o.name == "threads")
    assert (threads.value, threads.origin) == (2, "the service")


def test_flags_of_the_server_are_known_and_kept_apart() -> None:
    arguments = read("--model_name=x", "--http-port", "80", "--enable_grpc")
    server = {name: flag.value for name, flag in arguments.server.items()}
    assert server == {"model_name": "x", "http_port": "80", "enable_grpc": "true"}


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--threads=many"], "args: --threads takes a whole number, not 'many'"),
        (["--threads=1.5"], "--threads takes a whole number, not '1.5'"),
        (["--threads"], "--threads takes a whole number, not no value"),
        (["--threshold=nan"], "--threshold takes a number, not 'nan'"),
        (["--allowPickle=maybe"], "--allowPickle takes true or false, not 'maybe'"),
        (["value"], "args: the argument 'value' is not a flag"),
        (["--allowPickle", "perhaps"], "the argument 'perhaps' is not a flag"),
    ],
)
def test_a_wrong_value_says_what_would_be_right(args: list[str], message: str) -> None:
    with pytest.raises(PlanningError) as raised:
        read(*args)
    assert message in raised.value.message
    assert raised.value.reason == "InvalidSpec"


def test_an_unknown_option_is_refused_with_a_suggestion_and_the_list() -> None:
    with pytest.raises(PlanningError) as raised:
        read("--allowPikle=true")
    assert str(raised.value) == (
        "args: unknown option --allowPikle; did you mean --allowPickle? the options of "
        "the runtime 'sklearn' are: allowPickle, method, threads, threshold"
    )


def test_an_unlike_option_is_refused_with_the_list_alone() -> None:
    with pytest.raises(PlanningError, match=r"--zzz; the options of the runtime"):
        read("--zzz=1")


def test_the_flags_of_our_own_server_are_known() -> None:
    found = read("--load_timeout=3600", "--maxBodyBytes", "1024")
    assert {name: each.value for name, each in found.server.items()} == {
        "load_timeout": "3600",
        "max_body_bytes": "1024",
    }
