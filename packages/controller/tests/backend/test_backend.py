"""The class that the entry point names."""

from __future__ import annotations

import subprocess
import sys

import pytest
from inferry_controller.backend import KubernetesBackend

from inferry.backends import Backend, ServiceStatus
from inferry.errors import BackendError


def test_it_is_a_backend_with_what_a_cluster_has_beside() -> None:
    backend = KubernetesBackend()
    assert isinstance(backend, Backend)
    assert callable(backend.describe)


def test_naming_it_imports_no_client() -> None:
    code = (
        "import sys; from inferry_controller.backend import KubernetesBackend as B; "
        "B(); print(sorted({'aiohttp', 'orjson', 'kubernetes'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "[]\n"


async def test_without_its_extra_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "orjson", None)
    for name in [
        each for each in sys.modules if each.startswith("inferry_controller.kube")
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(
        sys.modules, "inferry_controller.backend._errors", raising=False
    )
    with pytest.raises(BackendError) as raised:
        await KubernetesBackend().get("default", None)
    assert "orjson" in raised.value.message
    assert raised.value.remedy == 'pip install "inferry[kubernetes]"'


def test_a_url_that_cannot_be_reached_has_a_way_round() -> None:
    status = ServiceStatus(namespace="team", name="iris", phase="Ready")
    text = KubernetesBackend.reaching(status)
    assert "kubectl port-forward -n team svc/iris-predictor 8080:80" in text
