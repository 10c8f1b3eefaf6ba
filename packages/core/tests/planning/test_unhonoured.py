from __future__ import annotations

from typing import Any

import pytest

from inferry.planning._unhonoured import unhonoured

MODEL = "model: {modelFormat: {name: sklearn}, storageUri: /a}"


def lost(service: Any, backend: str = "local") -> dict[str, bool]:
    return {each.path: each.fatal for each in unhonoured(service, backend)}


def test_a_plain_service_loses_nothing(kitchen: Any) -> None:
    assert lost(kitchen.model()) == {}


@pytest.mark.parametrize(
    ("predictor", "paths"),
    [
        (
            "nodeSelector: {a: b}\ntolerations: [{}]\naffinity: {podAffinity: {}}",
            ["nodeSelector", "tolerations", "affinity"],
        ),
        ("serviceAccountName: me", []),
        ("imagePullSecrets: [{name: a}]", []),
        ("automountServiceAccountToken: true", ["automountServiceAccountToken"]),
        ("minReplicas: 2", []),
        ("minReplicas: 0", ["minReplicas"]),
        ("minReplicas: 2\nmaxReplicas: 2", []),
        ("minReplicas: 2\nmaxReplicas: 3", ["maxReplicas"]),
        ("maxReplicas: 1", []),
        ("scaleMetric: rps\nscaleTarget: 3", ["scaleTarget", "scaleMetric"]),
        ("batcher: {maxBatchSize: 3, maxLatency: 50}", []),
        ("batcher: {timeout: 3}", ["batcher.timeout"]),
        ("logger: {mode: all, url: 'http://a', metadataHeaders: [a]}", []),
        ("logger: {url: a, marshallerUrl: b}", ["logger.marshallerUrl"]),
        (
            "logger: {url: a, storage: {path: p, key: k, parameters: {a: b}}}",
            ["logger.storage.key"],
        ),
        ("timeout: 3\ncontainerConcurrency: 2", []),
        ("volumes: [{name: v, emptyDir: {}}]", ["volumes"]),
    ],
)
def test_fields_of_a_component_are_reported(
    kitchen: Any, predictor: str, paths: list[str]
) -> None:
    service = kitchen.service(f"{predictor}\n{MODEL}")
    expected = sorted(f"spec.predictor.{path}" for path in paths)
    assert sorted(lost(service)) == expected


@pytest.mark.parametrize(
    ("model", "paths"),
    [
        ("env: [{name: A, value: b}]", []),
        (
            "env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
            ["env[A].valueFrom"],
        ),
        (
            "env: [{name: INFERRY_PLUGINS__PYTHON__TRUST, value: /}]",
            ["env[INFERRY_PLUGINS__PYTHON__TRUST]"],
        ),
        ("envFrom: [{secretRef: {name: s}}]", ["envFrom"]),
        ("resources: {requests: {cpu: '1'}}", ["resources"]),
        (
            "resources: {limits: {nvidia.com/gpu: '1'}}",
            ["resources", "resources.limits[nvidia.com/gpu]"],
        ),
        ("image: other", ["image"]),
        ("readinessProbe: {httpGet: {path: /, port: 8080}}", ["readinessProbe"]),
        ("imagePullPolicy: Always", ["imagePullPolicy"]),
        ("runtimeVersion: '1'", ["runtimeVersion"]),
    ],
)
def test_fields_of_a_models_container_are_reported(
    kitchen: Any, model: str, paths: list[str]
) -> None:
    found = lost(kitchen.model(model + "\n"))
    assert found == {f"spec.predictor.model.{path}": False for path in paths}


def test_containers_and_commands_are_refused(kitchen: Any) -> None:
    custom = kitchen.service("containers: [{name: kserve-container, image: i}]")
    assert lost(custom) == {"spec.predictor.containers": True}
    command = kitchen.model("command: [python]\n")
    assert lost(command) == {"spec.predictor.model.command": True}


def test_fields_of_a_canary_are_found_too(kitchen: Any) -> None:
    service = kitchen.service(
        MODEL, spec=f"canary: {{predictor: {{nodeSelector: {{a: b}}, {MODEL}}}}}"
    )
    assert lost(service) == {"spec.canary.predictor.nodeSelector": False}


def test_annotations_that_only_a_cluster_knows_are_reported(kitchen: Any) -> None:
    service = kitchen.model(
        metadata="annotations:\n"
        "  mine: a\n"
        "  serving.kserve.io/deploymentMode: Standard\n"
        "  serving.kserve.io/enable-prometheus-scraping: 'true'\n"
    )
    assert lost(service) == {
        "metadata.annotations[serving.kserve.io/enable-prometheus-scraping]": False
    }


def test_a_cluster_honours_them_all(kitchen: Any) -> None:
    service = kitchen.service(f"nodeSelector: {{a: b}}\nmaxReplicas: 4\n{MODEL}")
    assert lost(service, "kubernetes") == {}
