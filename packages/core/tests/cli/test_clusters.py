"""What the verbs do with a backend that has a cluster behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

CLUSTER = ("--backend", "clustered")


def test_the_kubeconfig_and_its_context_are_chosen(
    cli: Callable[..., Result], backend: Any
) -> None:
    cli("get", *CLUSTER, "--kubeconfig", "file", "--context", "there")

    assert backend.CALLS[-1] == ("init", "file", "there")


@pytest.mark.parametrize("option", ["--kubeconfig", "--context"])
def test_a_backend_without_a_cluster_takes_neither(
    cli: Callable[..., Result], backend: Any, option: str
) -> None:
    result = cli("get", option, "x")

    assert result.exit_code == 1
    assert f"the backend fake takes no {option}" in result.stderr


def test_its_namespace_holds_where_none_is_given(
    cli: Callable[..., Result], backend: Any
) -> None:
    assert "other" in cli("get", *CLUSTER).output
    assert "iris" in cli("get", *CLUSTER, "-n", "default").output


def test_describe_shows_pods_with_what_is_wrong_and_their_last_words(
    cli: Callable[..., Result], backend: Any
) -> None:
    lines = cli("describe", "other", *CLUSTER).output.splitlines()

    at = lines.index("Pods:")
    assert lines[at + 1 : at + 3] == [
        "  other-1   Running   restarts=2   on n1   ModelCorrupt: cut off",
        "    | last words",
    ]


def test_delete_tells_what_it_waits_for_on_stderr(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("delete", "other", *CLUSTER)

    assert result.stderr == "waiting for 2 pods\n"
    assert result.stdout == "inferenceservice.serving.kserve.io/other deleted\n"


def test_files_are_deleted_where_they_are_applied(
    cli: Callable[..., Result], backend: Any, tmp_path: Any
) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "{apiVersion: serving.kserve.io/v1beta1, kind: InferenceService, "
        "metadata: {name: other}, spec: {predictor: {model: {modelFormat: "
        "{name: onnx}, storageUri: 's3://a/b'}}}}\n---\n"
        "{apiVersion: v1, kind: ServiceAccount, metadata: {name: reader}}"
    )

    result = cli("delete", "-f", str(path), *CLUSTER)

    assert "left, as others may use it: ServiceAccount reader\n" in result.stderr
    assert backend.CALLS[-1] == ("delete", "team", "other")


def test_apply_takes_a_namespace_and_names_kinds_of_kubernetes_as_kubectl_does(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("apply", "-f", "-", "-n", "own", *CLUSTER)

    assert result.output == "secret/k created\n"
    assert backend.CALLS[-1] == ("apply", "own")


def test_apply_to_a_laptop_takes_no_namespace(
    cli: Callable[..., Result], backend: Any
) -> None:
    result = cli("apply", "-f", "-", "-n", "own")

    assert result.exit_code == 1
    assert "write metadata.namespace into them" in result.stderr


def test_a_url_that_cannot_be_reached_has_the_backends_hint(
    cli: Callable[..., Result], backend: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "http://127.0.0.1:9"
    monkeypatch.setattr(
        backend, "SERVICES", [backend.service("other", "team", url=url)]
    )

    result = cli("predict", "other", "--data", "[[1]]", *CLUSTER)

    assert "cannot be reached" in result.stderr
    assert "forward a port" in result.stderr
