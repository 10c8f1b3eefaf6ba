"""The process, as a container starts and stops it."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from processes import HERE, command, environment, process, until_ready

if TYPE_CHECKING:
    from pathlib import Path

PATH = "/v1/models/m:predict"


def test_it_serves_until_sigterm_and_exits_with_0() -> None:
    with process() as (running, client, lines):
        until_ready(client)
        reply = client.post(PATH, json={"instances": [[1, 2, 3, 4]]})
        assert reply.json() == {"predictions": [10.0]}
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    assert any("model m is ready" in line for line in lines)
    assert lines[-1].endswith("stopped\n")


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "0<&- 1>&-"])
def test_it_needs_no_standard_input_or_output(closed: str) -> None:
    with process(shell=f'exec "$@" {closed}') as (running, client, _):
        until_ready(client)
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_it_recovers_from_a_lack_of_file_descriptors(loop: str) -> None:
    script = 'ulimit -n 40; exec "$@"'
    with process(f"--event_loop={loop}", shell=script) as (running, client, lines):
        until_ready(client)
        address = client.base_url.host, client.base_url.port
        client.close()
        flood = [socket.create_connection(address) for _ in range(60)]
        time.sleep(1.5)
        for connection in flood:
            connection.close()
        with httpx.Client(base_url=client.base_url, trust_env=False) as again:
            until_ready(again)
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    # The loop of asyncio says it each time that it tries, with ten lines.
    assert len(lines) < 100


def test_a_model_that_computes_does_not_keep_the_loop_waiting_for_long() -> None:
    with process(target="served_models:Turns") as (_, client, _):
        until_ready(client)
        reply = client.post(PATH, json={"instances": [1]})
        assert reply.json() == {"predictions": [1.0]}


def test_sigterm_finishes_what_is_in_flight() -> None:
    with process("--drain_delay=0.2", target="served_models:SlowAsync") as (
        running,
        client,
        _,
    ):
        until_ready(client)
        replies = []
        asking = threading.Thread(
            target=lambda: replies.append(client.post(PATH, json={"instances": [1]}))
        )
        asking.start()
        time.sleep(0.1)
        running.send_signal(signal.SIGTERM)
        asking.join()
        assert replies[0].status_code == 200
        assert running.wait(10) == 0


def test_a_model_that_hangs_does_not_keep_the_process() -> None:
    with process("--drain_timeout=0.2", target="served_models:Hangs") as (
        running,
        _,
        _,
    ):
        time.sleep(0.2)
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0


def test_models_that_fail_or_hang_disturb_no_other() -> None:
    flags = ["--model=a=served_models:Echo", "--model=b=served_models:NoPredict"]
    flags += [f"--model=h{at}=served_models:Hangs" for at in range(5)]
    with process(*flags, "--drain_timeout=0.2") as (running, client, lines):
        for name in "ma":
            until_ready(client, f"/v2/models/{name}/ready")
        until_ready(client, "/v2/models/b/ready", status=503, phase="Failed")
        assert client.get("/v2/models/h4/ready").status_code == 503
        assert client.get("/v2/health/ready").status_code == 503
        reply = client.post("/v1/models/a:predict", json={"instances": [1]})
        assert reply.json() == {"predictions": [1]}
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    assert any("model b failed: ModelLoadFailed: " in line for line in lines)


def test_in_a_pod_a_model_that_fails_ends_the_process_and_says_why(
    tmp_path: Path,
) -> None:
    message = tmp_path / "termination-log"
    message.touch()
    pod = {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "TERMINATION_MESSAGE_PATH": str(message),
    }
    flags = ["--model_class=served_models:NoPredict", "--model_name=m"]
    flags += ["--host=127.0.0.1", "--http_port=0"]
    done = subprocess.run(
        command(*flags), env=environment() | pod, cwd=HERE, timeout=30, check=False
    )
    assert done.returncode == 20
    said = message.read_text()
    assert said.startswith("ModelLoadFailed: served_models:NoPredict has no method")
    assert said.count("\n") == 1


def test_ending_where_a_model_fails_can_be_asked_for_and_is_no_matter_of_the_others(
    tmp_path: Path,
) -> None:
    flags = ["--model_class=served_models:Iris", "--model_name=m"]
    flags += ["--model=b=served_models:NoPredict", "--exit_on_load_failure"]
    done = subprocess.run(
        command(*flags, "--http_port=0"),
        env=environment() | {"TERMINATION_MESSAGE_PATH": str(tmp_path / "none")},
        cwd=HERE,
        timeout=30,
        check=False,
    )
    assert done.returncode == 20
    assert list(tmp_path.iterdir()) == []


def test_in_a_pod_a_wrong_flag_is_the_termination_message(tmp_path: Path) -> None:
    message = tmp_path / "termination-log"
    message.touch()
    pod = {
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
        "TERMINATION_MESSAGE_PATH": str(message),
    }
    done = subprocess.run(
        command("--model_class=served_models:Iris", "--http_prot=0"),
        env=environment() | pod,
        cwd=HERE,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert message.read_text().startswith("InvalidSpec: unknown flag --http_prot")


def test_every_port_is_said_on_a_line() -> None:
    with process() as (_, _, lines):
        time.sleep(0.1)
    said = "".join(lines)
    assert len(re.findall(r"listening on http://127\.0\.0\.1:\d+\n", said)) == 1
    assert len(re.findall(r"listening on grpc://127\.0\.0\.1:\d+\n", said)) == 1


def test_no_key_is_ever_in_the_log(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("ann:the-right-key\n")
    keys.chmod(0o600)
    flags = [f"--api_keys={keys}", "--log_level=debug", "--log_requests"]
    with process(*flags) as (running, client, lines):
        until_ready(client)
        for key, status in (("the-right-key", 200), ("a-wrong-key", 401)):
            headers = {"authorization": f"Bearer {key}"}
            reply = client.post(
                PATH, json={"instances": [[1, 2, 3, 4]]}, headers=headers
            )
            assert reply.status_code == status
            assert key not in reply.text
        running.send_signal(signal.SIGTERM)
        assert running.wait(10) == 0
    said = "".join(lines)
    assert "refused 1 request(s)" in said
    assert "right-key" not in said
    assert "wrong-key" not in said


def test_options_reach_the_model_that_they_name() -> None:
    flags = ["--model=a=served_models:Versioned", "--a.number=7"]
    with process(*flags) as (_, client, _):
        until_ready(client, "/v2/models/a/ready")
        reply = client.post("/v1/models/a:predict", json={"instances": [1]})
        assert reply.json() == {"predictions": [7]}


def test_a_model_that_fails_leaves_the_server_up_and_says_why() -> None:
    with process("--log_format=json", target="served_models:NoPredict") as (
        _,
        client,
        lines,
    ):
        for _ in range(100):
            reply = client.get("/v2/models/m/ready")
            if reply.json().get("phase") == "Failed":
                break
            time.sleep(0.05)
        assert reply.status_code == 503
        assert reply.json()["reason"] == "ModelLoadFailed"
        assert "has no method 'predict'" in reply.json()["message"]
    events = [json.loads(line) for line in lines]
    assert any("has no method 'predict'" in event["message"] for event in events)


def run(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*flags),
        check=False,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=20,
        cwd=HERE,
    )


def test_a_taken_port_is_one_line_and_exit_code_1() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("--model_class=served_models:Iris", f"--http_port={port}")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: port {port} on 127.0.0.1 is taken; stop the process that holds it or "
        "choose another with --http_port\n"
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "nothing is given: name --runtime"),
        (["--runtime=nope"], "no runtime 'nope' that can serve here: pip install"),
        (["--runtime=a", "--model_class=b:C"], "both --runtime and --model_class"),
        (
            ["--model_class=a:B", "--workers=4"],
            "--workers is 4: a server is one process",
        ),
        (["--model_class=a:B", "--log_format=xml"], "expected one of text, json"),
        (["--model_class=a:B", "--http_prot=1"], "did you mean --http_port?"),
        (["--model_class=a:B", "--queue_size=-1"], "expected 0 or more"),
        (["--model=m=x_:B", "--api_keys=/none"], "there is no such file of API keys"),
        (["--model=m=x_:B", "--middleware=no:no"], "middleware no:no: it cannot be"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_code_2(
    flags: list[str], message: str
) -> None:
    done = run(*flags)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_a_wrong_setting_is_one_line_that_names_it() -> None:
    set_wrongly = {"INFERRY_SERVER__QUEUE_SIZE": "many"}
    done = subprocess.run(
        command("--model=m=x_:B"),
        check=False,
        capture_output=True,
        text=True,
        env=environment() | set_wrongly,
        timeout=20,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "INFERRY_SERVER__QUEUE_SIZE: must be a whole number" in done.stderr


def test_help_lists_the_flags() -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "--model_name" in done.stdout
