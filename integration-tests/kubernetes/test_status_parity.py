"""The same fault has the same reason, message and remedy on a laptop and in a pod.

Both run the same code up to the failure; a laptop keeps the error, a pod the
termination message of the process that ended. What each makes of it is compared here,
without a cluster.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from inferry_controller.observing import project
from inferry_controller.observing.diagnosis import diagnose

from inferry.config import load_settings
from inferry.errors import StorageError
from inferry.plugins import load_plugins
from inferry.status import FATAL, Reason, remedy
from inferry.storage import Source
from inferry_local.records import Failure, model_failure
from inferry_server.server import ModelServer
from inferry_server.settings import ServerSettings
from inferry_server.states import ModelSpec
from inferry_storage.fetching.pulling import pull

if TYPE_CHECKING:
    from pathlib import Path

MODELS = """
class NoPredict:
    def load(self, path, options): ...

class Raises:
    def load(self, path, options):
        raise ValueError("the weights are odd")
    def predict(self, request): ...

class Big:
    def load(self, path, options):
        raise MemoryError("9 GiB")
    def predict(self, request): ...

class NotInstalled:
    def load(self, path, options):
        import a_framework_that_is_not_there
    def predict(self, request): ...

class Says:
    def load(self, path, options):
        from inferry.errors import ModelLoadError
        raise ModelLoadError(
            "m.bin is cut off", reason="ModelCorrupt", remedy="upload m.bin again"
        )
    def predict(self, request): ...
"""
CLASSES = {
    "NoPredict": "ModelLoadFailed",
    "Raises": "ModelLoadFailed",
    "Big": "OutOfMemory",
    "NotInstalled": "RuntimeNotInstalled",
    "Says": "ModelCorrupt",
    "Nowhere": "ModelLoadFailed",
}
URIS = {
    "file:///nowhere/at/all": "StorageNotFound",
    "acme://bucket/model": "StorageNotSupported",
    "http://models.invalid/model": "StorageNotAllowed",
    "https://127.0.0.1/model": "StorageNotAllowed",
}


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a container whose termination message is a file."""
    (tmp_path / "faulty_models.py").write_text(MODELS)
    (tmp_path / "message").touch()
    kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    return kept | {
        "PYTHONPATH": str(tmp_path),
        "TERMINATION_MESSAGE_PATH": str(tmp_path / "message"),
        "KUBERNETES_SERVICE_HOST": "10.0.0.1",
    }


def ended(environ: dict[str, str], *words: str) -> tuple[int, str]:
    """Run a container's process to its end; return its exit code and message."""
    done = subprocess.run(
        [sys.executable, "-m", *words],
        env=environ,
        capture_output=True,
        timeout=120,
        check=False,
    )
    with open(environ["TERMINATION_MESSAGE_PATH"]) as file:  # noqa: PTH123 - a name
        return done.returncode, file.read()


def in_a_pod(container: str, code: int, message: str) -> tuple[str, str, str]:
    """Return what the status of a service says whose container ended so."""
    init = container == "storage-initializer"
    statuses = {
        "name": container,
        "state": {
            "terminated": {"exitCode": code, "reason": "Error", "message": message}
        },
        "restartCount": 2,
    }
    pod: dict[str, Any] = {
        "metadata": {"name": "p"},
        "spec": {
            "nodeName": "n",
            "initContainers" if init else "containers": [{"name": container}],
        },
        "status": {
            "phase": "Running",
            "initContainerStatuses" if init else "containerStatuses": [statuses],
        },
    }
    trouble = diagnose(project("Pod", pod))  # type: ignore[arg-type]
    assert trouble is not None
    return (
        str(trouble.reason),
        trouble.message,
        trouble.remedy or remedy(trouble.reason),
    )


def on_a_laptop(failure: Failure) -> tuple[str, str, str]:
    """Return what the status of a service says that failed so."""
    return str(failure.reason), failure.message, " ".join(failure.what_to_do.split())


@pytest.mark.parametrize("name", CLASSES)
async def test_a_model_that_fails_says_the_same(
    name: str, environ: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    spec = ModelSpec(name="m", target=f"faulty_models:{name}", path=tmp_path)
    server = ModelServer(ServerSettings(http_port=0))
    state = await server.load(spec)
    await server.stop()
    here = on_a_laptop(model_failure(state))  # type: ignore[arg-type]
    code, message = await asyncio.to_thread(
        ended,
        environ,
        "inferry_server",
        f"--model_class=faulty_models:{name}",
        "--model_name=m",
        f"--model_dir={tmp_path}",
        "--host=127.0.0.1",
        "--http_port=0",
    )
    assert in_a_pod("kserve-container", code, message) == here
    assert here[0] == CLASSES[name]


@pytest.mark.parametrize("uri", URIS)
async def test_a_model_that_cannot_be_fetched_says_the_same(
    uri: str, environ: dict[str, str], tmp_path: Path
) -> None:
    settings = load_settings(environ={})
    plugins = load_plugins("local", settings)
    with pytest.raises(StorageError) as raised:
        await pull(
            Source(uri=uri), tmp_path / "here", plugins=plugins, settings=settings
        )
    error = raised.value
    failure = Failure(reason=error.reason, message=error.message, remedy=error.remedy)
    here = on_a_laptop(failure)
    code, message = await asyncio.to_thread(
        ended, environ, "inferry_storage", uri, str(tmp_path / "there")
    )
    assert in_a_pod("storage-initializer", code, message) == here
    assert here[0] == URIS[uri]


#: Reasons that a laptop has no object for.
_OF_CLUSTERS = {
    "InsufficientGPU",
    "Unschedulable",
    "QuotaExceeded",
    "PodRefused",
    "ImagePullFailed",
    "ContainerRefused",
    "InitContainerFailed",
    "SecretNotFound",
    "ConfigMapNotFound",
    "ServiceAccountNotFound",
    "VolumeNotFound",
    "VolumeNotBound",
    "VolumeNotMounted",
    "NotAnswering",
    "Evicted",
    "NodeLost",
    "GatewayNotFound",
    "GatewayNotAccepted",
    "RouteNotReady",
    "RouteNotResolved",
    "IngressNotSupported",
    "ConfigInvalid",
    "NameConflict",
    "ApplyFailed",
}


def test_every_other_reason_can_be_that_of_a_laptop() -> None:
    """So the list of what only a cluster has is complete, and no longer than it is."""
    shared = {str(each) for each in FATAL} - _OF_CLUSTERS
    assert shared == {
        str(each)
        for each in Reason
        if each.startswith(("Storage", "Model", "Runtime", "WarmUp"))
        or each
        in {
            Reason.InvalidSpec,
            Reason.NoSupportingRuntime,
            Reason.AmbiguousRuntime,
            Reason.NotSupportedByBackend,
            Reason.OutOfMemory,
            Reason.LoadTimeout,
            Reason.ReplicaCrashed,
            Reason.InsufficientResources,
        }
    }
