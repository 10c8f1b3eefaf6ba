"""The verbs of the command line, said to a cluster, as a user says them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from bed.api import is_true, until
from bed.kwok import EXIT_CODE, FAULT, MESSAGE
from controlled import SERVICES, Room, service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bed.cluster import Cluster

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "how-to" / "troubleshoot-on-kubernetes.md"


@dataclass(frozen=True)
class Shell:
    """Runs `inferry` as one user, in one namespace."""

    kubeconfig: Path
    room: Room

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "inferry", *words],
            input=stdin,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def environ(self) -> dict[str, str]:
        """The environment that chooses the cluster."""
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        return kept | {
            "KUBECONFIG": str(self.kubeconfig),
            "INFERRY_BACKEND": "kubernetes",
        }

    def good(self, *words: str, stdin: str = "") -> str:
        """Run a command that must work; return what it prints."""
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def room(full_cluster: Cluster) -> Iterator[Room]:
    """Return a namespace that a controller without routes looks after."""
    from bed.controller import Controller, install

    install(full_cluster)
    namespace = full_cluster.namespace("cli")
    with Controller(
        full_cluster, watched=(namespace,), name="cli", KUBERNETES__INGRESS="none"
    ) as controller:
        controller.wait_until_ready()
        yield Room(full_cluster.api, namespace)


@pytest.fixture(scope="module")
def shell(
    full_cluster: Cluster, room: Room, tmp_path_factory: pytest.TempPathFactory
) -> Shell:
    """Return a shell whose kubeconfig has a context of the namespace."""
    said = json.loads(full_cluster.kubeconfig.read_text())
    for each in said["contexts"]:
        each["context"]["namespace"] = room.namespace
    path = tmp_path_factory.mktemp("user") / "config"
    path.write_text(json.dumps(said))
    return Shell(path, room)


def written(folder: Path, *documents: dict[str, Any]) -> str:
    """Write documents as YAML; return the name of the file."""
    path = folder / "service.yaml"
    path.write_text(yaml.safe_dump_all(documents))
    return str(path)


def fared(name: str, **told: str) -> dict[str, Any]:
    """Return a service whose pods fare as told."""
    return service(name, annotations=told)


def test_apply_creates_changes_and_leaves_alone(shell: Shell, tmp_path: Path) -> None:
    """And the Secret beside it, first; the namespace is that of the context."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys"},
        "stringData": {"AWS_ACCESS_KEY_ID": "not-a-key"},
    }
    file = written(tmp_path, service("applied"), secret)
    assert shell.good("apply", "-f", file).splitlines() == [
        "inferenceservice.serving.kserve.io/applied created",
        "secret/keys created",
    ]
    assert shell.good("apply", file).splitlines() == [
        "inferenceservice.serving.kserve.io/applied unchanged",
        "secret/keys unchanged",
    ]
    file = written(tmp_path, service("applied", path="other"), secret)
    assert "applied configured" in shell.good("apply", file)
    found = shell.room.get("applied")
    assert found["spec"]["predictor"]["model"]["storageUri"] == "s3://models/other"


def test_what_is_applied_is_what_was_written(shell: Shell, tmp_path: Path) -> None:
    """No default of ours is applied, or `kubectl apply` could never take it away."""
    document = service("asis")
    uri = "s3://models/iris"
    document["spec"]["predictor"] = {"sklearn": {"storageUri": uri}}
    shell.good("apply", written(tmp_path, document))
    assert shell.room.get("asis")["spec"] == document["spec"]
    done = shell.room
    done.api.delete(SERVICES, "asis", shell.room.namespace)


def test_nothing_is_applied_where_one_document_is_refused(
    shell: Shell, tmp_path: Path
) -> None:
    """Whether it is wrong by our rules or the server's."""
    wrong = service("wrong")
    wrong["spec"]["predictor"]["minReplica"] = 1
    done = shell.run("apply", written(tmp_path, service("fine"), wrong))
    assert done.returncode == 1
    assert "minReplica" in done.stderr
    assert shell.room.api.find(SERVICES, "fine", shell.room.namespace) is None
    elsewhere = service("lost")
    elsewhere["metadata"]["namespace"] = "not-there"
    done = shell.run("apply", written(tmp_path, service("fine"), elsewhere))
    assert "there is no namespace 'not-there'" in done.stderr
    assert "kubectl create namespace not-there" in done.stderr
    assert shell.room.api.find(SERVICES, "fine", shell.room.namespace) is None


def test_get_prints_the_table_of_the_laptop(shell: Shell, tmp_path: Path) -> None:
    shell.good("apply", "-", stdin=yaml.safe_dump(service("listed")))
    shell.room.ready("listed")
    head, *rows = shell.good("get").splitlines()
    assert head.split() == ["NAME", "URL", "READY", "PHASE", "RUNTIME", "AGE"]
    (row,) = [each.split() for each in rows if each.startswith("listed")]
    assert row[2:5] == ["True", "Ready", "sklearn"]
    found = json.loads(shell.good("get", "listed", "-o", "json"))
    assert found["status"]["phase"] == "Ready"
    assert found["spec"] == shell.room.get("listed")["spec"]
    assert "listed" in shell.good("get", "-A")


def test_describe_explains_a_service_that_fails(shell: Shell, tmp_path: Path) -> None:
    told = {FAULT: "init-crash", MESSAGE: "StorageNotFound: s3://models is not there"}
    shell.room.apply(fared("failing", **told, **{EXIT_CODE: "3"}))
    shell.room.reason("StorageNotFound", "failing")
    text = shell.good("describe", "isvc/failing")
    lines = [line.split(None, 1) for line in text.splitlines() if ":" in line]
    said = {words[0]: words[1] for words in lines if len(words) == 2}
    assert said["Reason:"] == "StorageNotFound"
    assert said["Message:"] == "s3://models is not there"
    assert said["Remedy:"] == "correct the storageUri: nothing is there"
    assert "Pods:\n  failing-predictor-" in text
    assert "StorageNotFound: s3://models is not there" in text
    assert "Revisions:" in text
    assert "Events:" in text


def test_a_name_that_is_not_there_gets_a_suggestion(shell: Shell) -> None:
    shell.room.apply(service("suggested"))
    done = shell.run("get", "sugested")
    assert done.returncode == 1
    assert "did you mean 'suggested'?" in done.stderr


def test_delete_returns_when_nothing_runs(shell: Shell) -> None:
    shell.room.apply(service("doomed"))
    shell.room.ready("doomed")
    done = shell.run("delete", "doomed")
    assert done.stdout == "inferenceservice.serving.kserve.io/doomed deleted\n"
    selector = "serving.kserve.io/inferenceservice=doomed"
    assert shell.room.api.list("pods", shell.room.namespace, selector) == []
    again = shell.run("delete", "doomed", "--ignore-not-found")
    assert (again.returncode, again.stdout) == (0, "")


def test_get_watch_tells_each_change(shell: Shell) -> None:
    shell.room.apply(service("watched"))
    shell.room.ready("watched")
    with subprocess.Popen(
        [sys.executable, "-m", "inferry", "get", "watched", "-w"],
        env=shell.environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline().split()[0] == "NAME"
        assert watching.stdout.readline().split()[3] == "Ready"
        stop = {"metadata": {"annotations": {"serving.kserve.io/stop": "true"}}}
        shell.room.api.patch(SERVICES, "watched", shell.room.namespace, stop)
        rows = iter(watching.stdout.readline, "")
        assert any("Stopped" in row for row in rows)
        watching.terminate()


def test_logs_of_pods_that_cannot_be_read_say_why(shell: Shell) -> None:
    """KWOK has no logs; each container's line says that, none breaks the rest."""
    shell.room.apply(service("logged"))
    shell.room.ready("logged")
    lines = shell.good("logs", "logged").splitlines()
    assert all(line.startswith("[logged-predictor-") for line in lines)


def test_no_kubeconfig_no_server_no_rights_and_no_kinds_each_say_what_to_do(
    shell: Shell, full_cluster: Cluster, tmp_path: Path
) -> None:
    absent = shell.run("get", "--kubeconfig", str(tmp_path / "none"))
    assert "there is no kubeconfig at" in absent.stderr
    assert "--kubeconfig" in absent.stderr
    context = shell.run("get", "--context", "nowhere")
    assert context.returncode == 1
    assert "nowhere" in context.stderr
    said = json.loads(shell.kubeconfig.read_text())
    said["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    closed = tmp_path / "closed"
    closed.write_text(json.dumps(said))
    unreachable = shell.run("get", "--kubeconfig", str(closed))
    assert "kubectl cluster-info" in unreachable.stderr
    nobody = full_cluster.user("alice", "dev")
    forbidden = shell.run("get", "-n", "default", "--kubeconfig", str(nobody))
    assert "alice may not list inferenceservices" in forbidden.stderr
    assert "grant it" in forbidden.stderr
    for each in (absent, context, unreachable, forbidden):
        assert "Traceback" not in each.stderr
        assert each.stdout == ""


def test_predict_says_how_to_reach_what_it_cannot(shell: Shell) -> None:
    shell.room.apply(service("asked"))
    shell.room.ready("asked")
    done = shell.run("predict", "asked", "--data", "[[1]]", "--timeout", "5")
    assert done.returncode == 1
    forward = f"kubectl port-forward -n {shell.room.namespace} svc/asked-predictor"
    assert forward in done.stderr


def test_the_commands_of_the_page_work(shell: Shell, full_cluster: Cluster) -> None:
    """Each command of the how-to page runs, in the order of the page."""
    shell.room.apply(service("iris"))
    shell.room.ready()
    blocks = re.findall(
        r"^```sh\n(.+?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE
    )
    commands = [line for block in blocks for line in block.splitlines()]
    assert len(commands) >= 8
    tools = Path(sys.executable).parent, full_cluster.programs("kubectl").parent
    path = os.pathsep.join([*map(str, tools), os.environ["PATH"]])
    for command in commands:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            env=shell.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert done.stdout or "events" in command, command


def test_a_service_that_no_controller_looks_at_says_so(
    shell: Shell, full_cluster: Cluster
) -> None:
    alone = full_cluster.namespace("alone")
    full_cluster.api.apply(service("alone"), alone, manager="kubectl")
    found = until(
        lambda: full_cluster.api.find(SERVICES, "alone", alone), "the service"
    )
    assert not is_true(found, "Ready")
    text = shell.good("describe", "alone", "-n", alone)
    assert "no controller has looked at it" in text
