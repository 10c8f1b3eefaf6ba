"""The command line, without a process."""

from __future__ import annotations

import pytest

from inferry.errors import SettingsError
from inferry.plugins import Option
from inferry_server.cli.flags import parse, peek
from inferry_server.cli.usage import usage

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
    flags = parse(argv, {"m": OPTIONS})
    assert flags.server == {"httpPort": 1, "modelName": "m"}
    assert flags.options == {"m": {"allowPickle": True, "threads": 0}}


def test_a_flag_without_effect_is_reported() -> None:
    flags = parse(["--configure_logging", "--max_threads=4"], {})
    assert flags.notes == [
        "--configure_logging has no effect: use --log_level and --log_format",
        "--max_threads has no effect: use --concurrency",
    ]


def test_an_option_without_a_model_is_for_each_that_declares_it() -> None:
    models = {"a": OPTIONS, "b": OPTIONS[1:], "c": None}
    flags = parse(["--allow_pickle", "--threads=2"], models)
    assert flags.options == {
        "a": {"allowPickle": True, "threads": 2},
        "b": {"threads": 2},
        "c": {},
    }


@pytest.mark.parametrize(
    "argv",
    [["--threads=2", "--b.c-1.threads=3"], ["--b.c-1.threads", "3", "--threads", "2"]],
)
def test_an_option_of_one_model_wins(argv: list[str]) -> None:
    flags = parse(argv, {"a": OPTIONS[1:], "b.c-1": OPTIONS[1:]})
    assert flags.options == {"a": {"threads": 2}, "b.c-1": {"threads": 3}}


def test_a_flag_of_one_model_wins() -> None:
    argv = ["--a.concurrency=3", "--concurrency=2", "--b.batch_max_size=8"]
    flags = parse(argv, {"a": (), "b": ()})
    assert flags.of("a") == {"concurrency": 3}
    assert flags.of("b") == {"concurrency": 2, "batchMaxSize": 8}


def test_a_class_takes_any_option_as_text() -> None:
    flags = parse(["--m.someThing=1", "--m.quiet", "--m.loud"], {"m": None})
    assert flags.options == {"m": {"someThing": "1", "quiet": "true", "loud": "true"}}


def test_lists_may_be_repeated_or_separated() -> None:
    argv = ["--middleware=a:b, c:d", "--middleware", "e:f", "--model=m=x:a,b"]
    flags = parse(argv, {"m": None})
    assert flags.server["middleware"] == ("a:b", "c:d", "e:f")
    assert flags.server["model"] == ("m=x:a,b",)


def test_kserve_names_mean_ours() -> None:
    flags = parse(["--enable_latency_logging", "--protocol=v2"], {"m": None})
    assert flags.server == {"logRequests": True}
    assert flags.of("m") == {"predictorProtocol": "v2"}


#: Every flag of kserve 0.21's model server, with a value that it takes.
KSERVE = (
    *("--http_port=1", "--grpc_port=2", "--workers=1", "--max_threads=4"),
    *("--max_asyncio_workers=4", "--enable_grpc=true", "--enable_docs_url=false"),
    *("--enable_latency_logging=true", "--configure_logging=true"),
    *("--log_config_file=f", "--access_log_format=f", "--event-loop=uvloop"),
    *("--timeout-keep-alive=65", "--model_name=m", "--predictor_host=h"),
    *("--protocol=v1", "--predictor_protocol=v2", "--predictor_use_ssl=true"),
    *("--predictor_request_timeout_seconds=5", "--predictor_request_retries=1"),
    *("--enable_predictor_health_check=true", "--grpc_max_send_message_length=1"),
    "--grpc_max_receive_message_length=1",
)


@pytest.mark.parametrize("flag", KSERVE)
def test_every_flag_of_kserve_has_an_effect_or_is_reported(flag: str) -> None:
    flags = parse([flag], {"m": None})
    assert flags.server or flags.for_all or flags.notes


@pytest.mark.parametrize("flag", ["--ssl_certfile=f", "--ssl_keyfile=f"])
def test_a_flag_of_kserve_that_cannot_be_followed_is_refused(flag: str) -> None:
    with pytest.raises(SettingsError, match="TLS ends before this server"):
        parse([flag], {"m": None})


def test_every_problem_is_listed() -> None:
    argv = [
        "--http_prt=1",
        "stray",
        "--threads=x",
        "--allowPickle=maybe",
        "--model_name",
        "--n.threads=1",
        "--m.thread=1",
        "--m.http_port=1",
        "--queue_size=-1",
        "--load_timeout=nan",
        "--predictor_protocol=grpc",
    ]
    with pytest.raises(SettingsError) as caught:
        parse(argv, {"m": OPTIONS})
    assert caught.value.problems == (
        "unknown flag --http_prt; did you mean --http_port?",
        "'stray' is no flag; write --name=value",
        "--threads takes a whole number, not 'x'",
        "--allow_pickle takes true or false, not 'maybe'",
        "--model_name takes a value, not nothing",
        "--n.threads: there is no --model n; there is m",
        "unknown flag --m.thread; did you mean --m.threads?",
        "--m.http_port: this is one for all models; write --http_port",
        "--queue_size is -1, expected 0 or more",
        "--load_timeout takes a number, not 'nan'",
        "--predictor_protocol is 'grpc', expected one of v1, v2, grpc-v2",
    )


def test_an_unknown_flag_near_nothing_points_to_help() -> None:
    with pytest.raises(SettingsError, match="unknown flag --qqq; --help lists them"):
        parse(["--qqq"], {})


def test_a_model_without_its_flag_is_told_which() -> None:
    with pytest.raises(SettingsError, match="write --model iris=onnx:"):
        parse(["iris=onnx:model.onnx"], {})


def test_the_models_are_found_before_the_rest() -> None:
    argv = ["--model", "a=onnx", "--nonsense", "--model=b=c:D", "--model"]
    assert peek(argv, "model") == ["a=onnx", "b=c:D", ""]
    assert peek(argv, "runtime") == []


def test_usage_lists_the_options_of_the_runtime() -> None:
    text = usage({"sklearn": OPTIONS})
    assert "Options of the runtime sklearn:" in text
    assert "--allow_pickle" in text


def test_usage_has_every_flag_once_with_what_holds_without_it() -> None:
    lines = usage({}).splitlines()
    listed = [line.split()[0] for line in lines if line.startswith("  --")]
    assert sorted(listed) == sorted(set(listed))
    for shown in (
        "Most connections at once. (default 4096)",
        "Seconds for what is in flight. (default 30)",
        "Send traces with OpenTelemetry. (default false)",
        "Port; 0 is any free one. (default 8081)",
    ):
        assert any(line.endswith(shown) for line in lines)
