"""Pod Security "restricted" where a pod does not say otherwise."""

from __future__ import annotations

from typing import Any

import pytest
from inferry_controller.rendering.security import read_only_root, secure_pod


def secured(*containers: dict[str, Any], user: int = 1000, **more: Any) -> Any:
    spec = {"containers": list(containers), **more}
    secure_pod(spec, user)
    return spec


def test_a_pod_that_says_nothing_is_restricted() -> None:
    spec = secured({"name": "a"}, initContainers=[{"name": "b"}])
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for each in (*spec["containers"], *spec["initContainers"]):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }


def test_the_user_may_be_left_to_the_images() -> None:
    assert "runAsUser" not in secured({"name": "a"}, user=0)["securityContext"]


def test_what_a_pod_says_stays() -> None:
    own = {"runAsUser": 7, "seccompProfile": {"type": "Localhost"}, "fsGroup": 5}
    spec = secured({"name": "a"}, securityContext=dict(own))
    assert spec["securityContext"] == own | {"runAsNonRoot": True}


@pytest.mark.parametrize("own", [{"runAsUser": 0}, {"runAsNonRoot": False}])
def test_a_container_that_wants_root_gets_what_it_asked_for(
    own: dict[str, Any],
) -> None:
    spec = secured({"name": "a", "securityContext": dict(own)}, {"name": "b"})
    assert spec["containers"][0]["securityContext"] == {"runAsNonRoot": False, **own}
    assert spec["containers"][1]["securityContext"]["capabilities"] == {"drop": ["ALL"]}


@pytest.mark.parametrize(
    "own", [{"privileged": True}, {"capabilities": {"add": ["SYS_ADMIN"]}}]
)
def test_a_privileged_container_is_not_told_to_gain_nothing(
    own: dict[str, Any],
) -> None:
    """The API server refuses both at once."""
    spec = secured({"name": "a", "securityContext": dict(own)})
    assert spec["containers"][0]["securityContext"] == own


def test_a_pod_that_wants_root_stays_as_it_is() -> None:
    spec = secured({"name": "a"}, securityContext={"runAsUser": 0})
    assert spec["containers"] == [{"name": "a"}]


def test_windows_has_no_such_things() -> None:
    spec = secured({"name": "a"}, os={"name": "windows"})
    assert "securityContext" not in spec


def test_a_root_file_system_that_is_asked_for_stays_writable() -> None:
    container: dict[str, Any] = {"securityContext": {"readOnlyRootFilesystem": False}}
    read_only_root(container)
    assert container["securityContext"] == {"readOnlyRootFilesystem": False}
