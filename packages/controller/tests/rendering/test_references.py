"""What rendered pods expect to find."""

from __future__ import annotations

from inferry_controller.rendering import references


def _deployment(spec: dict[str, object]) -> dict[str, object]:
    return {"kind": "Deployment", "spec": {"template": {"spec": spec}}}


def test_everything_a_pod_cannot_start_without_is_named_once() -> None:
    """From volumes, variables, pull secrets and the account."""
    spec = {
        "serviceAccountName": "reader",
        "imagePullSecrets": [{"name": "pull"}],
        "volumes": [
            {"name": "a", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "b", "secret": {"secretName": "mounted"}},
            {"name": "c", "configMap": {"name": "authorities"}},
            {"name": "d", "projected": {"sources": [{"secret": {"name": "part"}}]}},
        ],
        "initContainers": [
            {"env": [{"valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}}]}
        ],
        "containers": [
            {"envFrom": [{"configMapRef": {"name": "given"}}]},
            {"env": [{"name": "A", "value": "b"}]},
        ],
    }
    assert references([_deployment(spec), _deployment(spec)]) == (
        ("ConfigMap", "authorities"),
        ("ConfigMap", "given"),
        ("PersistentVolumeClaim", "claim"),
        ("Secret", "key"),
        ("Secret", "mounted"),
        ("Secret", "part"),
        ("Secret", "pull"),
        ("ServiceAccount", "reader"),
    )


def test_what_is_optional_and_what_has_no_pods_is_left_out() -> None:
    """A pod starts without."""
    reference = {"name": "key", "key": "k", "optional": True}
    spec = {"containers": [{"env": [{"valueFrom": {"secretKeyRef": reference}}]}]}
    assert references([_deployment(spec), {"kind": "Service", "spec": {}}]) == ()
