"""apply, get, describe, logs and delete against a backend that is installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from inferry.cli import _backend
from inferry.cli._output import age

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result


def test_get_prints_kubectls_columns(cli: Callable[..., Result], backend: Any) -> None:
    result = cli("get")

    lines = result.output.splitlines()
    assert lines[0].split() == ["NAME", "URL", "READY", "PHASE", "RUNTIME", "AGE"]
    assert lines[1].split() == [
        "broken", "False", "Failed", "onnx", "75s",
    ]  # fmt: skip
    url = "http://127.0.0.1:8080/serving/default/iris"
    assert lines[2].split() == ["iris", url, "True", "Ready", "onnx", "75s"]
    assert len(lines) == 3


@pytest.mark.parametrize("words", [("isvc", "iris"), ("isvc/iris",), ("iris",)])
def test_get_knows_the_words_for_the_kind(
    cli: Callable[..., Result], backend: Any, words: tuple[str, ...]
) -> None:
    result = cli("get", *words, "-o", "name")

    assert result.output == "inferenceservice.serving.kserve.io/iris\n"


def test_another_kind_is_refused(cli: Callable[..., Result], backend: Any) -> None:
    result = cli("get", "pods/iris")

    assert result.exit_code == 2
    assert "'pods' is no kind that runs here; write isvc/iris" in result.output


def test_get_all_namespaces_has_their_column(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("get", "-A")

    rows = [line.split() for line in result.output.splitlines()]
    assert rows[0][0] == "NAMESPACE"
    assert [row[:2] for row in rows[1:]] == [
        ["default", "broken"], ["default", "iris"], ["team", "other"],
    ]  # fmt: skip


def test_get_wide_adds_replicas_and_reason(
    cli: Callable[..., Result], backend: Any
) -> None:
    lines = cli("get", "-o", "wide").output.splitlines()

    assert lines[0].split()[-4:] == ["REPLICAS", "MODEL", "REVISION", "REASON"]
    assert lines[1].split()[-4:] == ["2/3", "broken", "abc,def", "ModelCorrupt"]


def test_get_json_is_the_kubernetes_object(
    cli: Callable[..., Result], backend: Any
) -> None:
    value = json.loads(cli("get", "iris", "-o", "json").output)

    assert value["kind"] == "InferenceService"
    assert value["metadata"] == {
        "name": "iris",
        "namespace": "default",
        "generation": 2,
    }
    assert value["spec"] == {"predictor": {"model": {"modelFormat": {"name": "onnx"}}}}
    assert value["status"]["phase"] == "Ready"
    assert value["status"]["observedGeneration"] == 2


def test_get_yaml_of_several_is_a_list(
    cli: Callable[..., Result], backend: Any
) -> None:
    value = yaml.safe_load(cli("get", "-o", "yaml").output)

    assert value["kind"] == "List"
    assert [item["metadata"]["name"] for item in value["items"]] == ["broken", "iris"]


def test_get_of_nothing_says_so_on_stderr(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("get", "-n", "empty")

    assert result.exit_code == 0
    assert result.stdout == ""
    assert result.stderr == "No services in the namespace 'empty'.\n"


def test_get_watch_goes_on_with_what_changes(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("get", "iris", "-w")

    phases = [line.split()[3] for line in result.stdout.splitlines()[1:]]
    assert phases == ["Ready", "Loading"]
    assert result.stderr == "error: it went away\n  start it again\n"
    assert result.exit_code == 3


def test_a_watch_of_nothing_names_the_columns_above_its_first_row(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("get", "-n", "empty", "-w")

    header, first, *_ = result.stdout.splitlines()
    assert header.split() == ["NAME", "URL", "READY", "PHASE", "RUNTIME", "AGE"]
    assert header.index("PHASE") == first.index("Ready")


def test_a_misspelt_name_gets_a_suggestion(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("get", "iriss")

    assert result.exit_code == 1
    assert "there is no service 'iriss' in the namespace 'default'" in result.stderr
    assert "did you mean 'iris'?" in result.stderr


def test_a_service_of_another_namespace_is_pointed_to(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("describe", "other")

    assert "it is in -n team" in result.stderr


def test_describe_shows_reason_remedy_and_what_is_ignored(
    cli: Callable[..., Result], backend: Any
) -> None:
    text = cli("describe", "isvc", "broken").output

    assert "Reason:       ModelCorrupt\n" in text
    assert "Remedy:       save the model again\n" in text
    assert "Not honoured:\n  spec.predictor.nodeSelector: a laptop" in text
    assert "Events:\n  10:00:01 revision abc created" in text
    assert "Endpoints:\n  http://127.0.0.1:9000" in text


def test_describe_shows_each_revision_with_its_share(
    cli: Callable[..., Result], backend: Any
) -> None:
    text = cli("describe", "iris").output

    lines = text[text.index("Revisions:") :].splitlines()
    assert lines[1].split() == ["NAME", "SHARE", "PHASE", "REPLICAS"]
    assert lines[2].split() == ["abc", "90%", "Ready", "2/2"]
    assert lines[3].split() == ["def", "10%", "Loading", "50%", "0/1"]


def test_apply_prints_what_kubectl_prints(
    cli: Callable[..., Result], backend: Any, tmp_path: Path
) -> None:
    result = cli("apply", "-f", "a.yaml", "b.yaml")

    assert result.output == "inferenceservice.serving.kserve.io/iris created\n"
    assert ("apply", ["b.yaml", "a.yaml"]) in backend.CALLS


def test_apply_of_nothing_that_is_ours_is_an_error(
    cli: Callable[..., Result], backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_self: object, _paths: object) -> list[Any]:
        return []

    monkeypatch.setattr(backend.FakeBackend, "apply", nothing)
    result = cli("apply", "-")

    assert result.exit_code == 1
    assert "nothing is applied" in result.stderr
    assert "kubectl" in result.stderr


def test_apply_prints_every_problem_and_ends_with_1(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("apply", "bad.yaml")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr == "bad.yaml:3:1: error: spec: missing\nerror: 1 problem\n"


def test_apply_needs_a_file(cli: Callable[..., Result], backend: Any) -> None:
    assert cli("apply").exit_code == 2


def test_logs_prints_lines(cli: Callable[..., Result], backend: Any) -> None:
    result = cli("logs", "iris", "--tail", "5", "-f")

    assert result.output == "iris-0: loaded\niris-0: ready\n"
    assert ("logs", True, 5) in backend.CALLS


def test_delete_prints_what_kubectl_prints(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("delete", "isvc", "iris")

    assert result.output == "inferenceservice.serving.kserve.io/iris deleted\n"
    assert ("delete", "default", "iris") in backend.CALLS


def test_delete_of_nothing_is_an_error_unless_ignored(
    cli: Callable[..., Result], backend: Any
) -> None:
    assert cli("delete", "nothing").exit_code == 1
    assert cli("delete", "nothing", "--ignore-not-found").exit_code == 0


def test_what_is_not_there_keeps_nothing_else_from_being_deleted(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("delete", "nothing", "iris", "nowhere")

    assert result.exit_code == 1
    assert result.stdout == "inferenceservice.serving.kserve.io/iris deleted\n"
    assert result.stderr.count("error: there is no service") == 2


@pytest.mark.parametrize("name", ["../x", "My team", "-a", "a" * 64])
def test_a_namespace_that_cannot_be_is_refused(
    cli: Callable[..., Result], backend: Any, name: str
) -> None:
    result = cli("get", "-n", name)

    assert result.exit_code == 2
    assert f"{name!r} is no name of a namespace" in result.stderr


def test_the_port_reaches_the_backend(cli: Callable[..., Result], backend: Any) -> None:
    cli("get", "--port", "8081")

    assert ("init", 8081) in backend.CALLS


def test_a_backend_without_ports_refuses_one(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("get", "--backend", "portless", "--port", "8081")

    assert "the backend portless takes no --port" in result.stderr


def test_a_port_of_the_environment_is_for_backends_that_have_ports(
    cli: Callable[..., Result], backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever tries a file on a laptop has one, and then turns to a cluster."""
    monkeypatch.setenv("INFERRY_PORT", "8081")

    cli("get")
    assert ("init", 8081) in backend.CALLS
    result = cli("get", "--backend", "portless")
    assert "takes no --port" not in result.stderr


def test_an_unknown_backend_is_named_with_those_there_are(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("get", "--backend", "cloud")

    assert result.exit_code == 1
    assert "there is no backend 'cloud'" in result.stderr
    assert (
        "backends are: clustered, fake, gone, kubernetes, local, portless"
        in result.stderr
    )


def test_a_backend_that_is_not_installed_names_its_package(
    cli: Callable[..., Result], backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(_backend.INSTALL, "absent", 'pip install "inferry[absent]"')

    result = cli("get", "--backend", "absent")

    assert "the backend absent is not installed" in result.stderr
    assert 'pip install "inferry[absent]"' in result.stderr


def test_a_backend_that_cannot_be_imported_is_one_line(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("get", "--backend", "gone")

    assert result.exit_code == 1
    assert "the backend gone cannot be loaded" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (5, "5s"), (119, "119s"), (120, "2m"), (190, "3m10s"), (600, "10m"),
        (10_800, "3h"), (200_000, "2d"),
    ],
)  # fmt: skip
def test_age_as_kubectl_writes_it(seconds: float, text: str) -> None:
    assert age(seconds) == text
