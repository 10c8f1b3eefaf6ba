"""What the flags make of the settings and the models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import SettingsError
from inferry_server.cli import specs
from inferry_server.cli.chosen import Choice, Chosen
from inferry_server.cli.flags import parse
from inferry_server.states import Batching, PayloadLog, Predictor

if TYPE_CHECKING:
    from inferry_server.settings import ServerSettings
    from inferry_server.states import ModelSpec

CHOICE = Choice((Chosen(name="m", target="a:B"),), {"queue_size": 7})
OF_RUNTIME = Choice(
    (Chosen(name="m", target="a:B", options=(), runtime="onnx", path="p"),), {}
)


def settings(*argv: str) -> ServerSettings:
    return specs.settings(parse(argv, {"m": None}), CHOICE)


def spec(*argv: str, choice: Choice = CHOICE) -> ModelSpec:
    models = {one.name: one.options for one in choice.models}
    return specs.specs(parse(argv, models), choice)[0]


@pytest.mark.parametrize(
    ("argv", "ports"),
    [
        ([], (8080, 8081, 8082)),
        (["--http_port=0"], (0, 0, 0)),
        (["--http_port=0", "--grpc_port=9"], (0, 9, 0)),
        (["--enable_grpc=false", "--enable_management=false"], (8080, None, None)),
        (["--http_port=1", "--management_port=2"], (1, 8081, 2)),
    ],
)
def test_the_ports(argv: list[str], ports: tuple[int | None, ...]) -> None:
    told = settings(*argv)
    assert (told.http_port, told.grpc_port, told.management_port) == ports


def test_the_command_line_wins_over_the_file() -> None:
    assert settings().queue_size == 7
    assert settings("--queue_size=8").queue_size == 8


@pytest.mark.parametrize(
    ("argv", "size"),
    [
        (["--max_message_bytes=5"], 5),
        (["--grpc_max_receive_message_length=6"], 6),
        (["--grpc_max_send_message_length=7"], 7),
        (
            ["--grpc_max_send_message_length=7", "--grpc_max_receive_message_length=6"],
            6,
        ),
        (["--grpc_max_receive_message_length=-1"], 2**31 - 1),
    ],
)
def test_the_size_of_messages_has_kserve_names(argv: list[str], size: int) -> None:
    assert settings(*argv).max_message_bytes == size


def test_every_other_flag_reaches_the_settings() -> None:
    told = settings(
        "--allow_management",
        "--allow_uploads=config.pbtxt",
        "--api_keys=k",
        "--middleware=a:b,c:d",
        "--enable_latency_logging",
        "--max_elements=9",
        "--max_connections=3",
    )
    assert told.allow_management
    assert told.allow_uploads == ("config.pbtxt",)
    assert told.api_keys == "k"
    assert told.middleware == ("a:b", "c:d")
    assert told.log_requests
    assert told.max_elements == 9
    assert told.max_connections == 3


def test_a_model_without_a_path_has_that_of_model_dir() -> None:
    assert spec().path == Path("/mnt/models")
    assert spec("--model_dir=d").path == Path("d")
    assert spec("--model_dir=d", choice=OF_RUNTIME).path == Path("p")


def test_batching_is_on_where_it_is_asked_for() -> None:
    assert spec().batching is None
    assert spec("--batch_max_size=8").batching == Batching(max_size=8)
    told = spec("--batch_max_size=8", "--m.batch_max_delay=0.01")
    assert told.batching == Batching(max_size=8, max_delay=0.01)
    assert spec("--batch_max_size=8", "--m.batch_max_size=0").batching is None


def test_the_payload_log() -> None:
    told = spec(
        "--payload_log_url=http://sink",
        "--payload_log_mode=request",
        "--payload_log_headers=X-A,x-b",
        "--service_name=s",
        "--namespace=n",
    )
    assert told.payload_log == PayloadLog(
        url="http://sink", mode="request", metadata_headers=("x-a", "x-b")
    )
    assert (told.service, told.namespace) == ("s", "n")


def test_what_goes_along_with_the_payload_log() -> None:
    told = spec(
        "--payload_log_url=s3://logs",
        '--payload_log_annotations={"team": "vision, sound"}',
        '--payload_log_parameters={"region": "eu"}',
        "--payload_log_component=explainer",
    )
    assert told.payload_log == PayloadLog(
        url="s3://logs",
        metadata_annotations={"team": "vision, sound"},
        parameters={"region": "eu"},
        component="explainer",
    )


def test_the_predictor_has_kserve_flags() -> None:
    told = spec(
        "--predictor_host=iris.default:80",
        "--predictor_protocol=v2",
        "--predictor_use_ssl",
        "--predictor_request_timeout_seconds=5",
        "--predictor_request_retries=2",
        "--enable_predictor_health_check",
        "--predictor_forwarded_headers=Authorization",
        "--predictor_model=iris",
    )
    assert told.predictor == Predictor(
        host="iris.default:80",
        model="iris",
        protocol="v2",
        use_tls=True,
        timeout=5.0,
        retries=2,
        check_health=True,
        forwarded_headers=("authorization",),
    )


@pytest.mark.parametrize(
    ("argv", "choice", "message"),
    [
        (["--predictor_protocol=v2"], CHOICE, "say with --predictor_host where"),
        (["--predictor_host=http://h"], CHOICE, "expected host[:port]"),
        (["--predictor_host=h"], OF_RUNTIME, "a transformer is a class, and here"),
        (["--m.predictor_host=h"], OF_RUNTIME, "'onnx' is a predictor itself"),
        (["--payload_log_mode=all"], CHOICE, "say with --payload_log_url where"),
        (
            ["--payload_log_url=http://s", "--payload_log_annotations=team=vision"],
            CHOICE,
            "--payload_log_annotations is no JSON object of texts",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(
    argv: list[str], choice: Choice, message: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        spec(*argv, choice=choice)
    assert message in str(caught.value)


@pytest.mark.parametrize("pod", [True, False])
def test_a_pod_is_open_and_drains(pod: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    if pod:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    else:
        monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert settings().host == ("0.0.0.0" if pod else "127.0.0.1")
    assert settings().drain_delay == (5.0 if pod else 0.0)
