"""What is wrong before anything starts is told at once, with exit code 1."""

from __future__ import annotations

import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest
from running import INFERRY, SERVICE, clean_environment

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run ``inferry run`` to its end, which must come by itself."""
    return subprocess.run(
        [*INFERRY, "run", *arguments],
        cwd=folder,
        env=clean_environment(XDG_CACHE_HOME=str(folder)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def service(**changes: str) -> str:
    """Return a valid service with some of its values changed."""
    return SERVICE.format(**{"name": "iris", "format": "sklearn", "uri": "."} | changes)


DOCUMENTS = {
    "bad YAML": ("metadata: {name: [}", ["service.yaml:1:"]),
    "unknown field": (
        service().replace("storageUri", "storageURI"),
        ["service.yaml:10:7", "storageURI", "did you mean 'storageUri'"],
    ),
    "two implementations": (
        service() + "    onnx:\n      storageUri: other\n",
        ["service.yaml:", "onnx", "model"],
    ),
    "unknown format": (
        service(format="sklaern"),
        ["sklaern", "did you mean", "sklearn"],
    ),
    "no plugin for the format": (
        service(format="xgboost"),
        ["xgboost", "inferry-runtime-xgboost"],
    ),
    "unknown scheme": (
        service(uri="modelscope://owner/model"),
        ["modelscope", "inferry-storage-modelscope"],
    ),
    "unknown option": (
        service() + '      args: ["--alowPickle=true"]\n',
        ["alowPickle", "allowPickle"],
    ),
    "container on a laptop": (
        service().partition("    model:")[0]
        + "    containers:\n    - name: kserve-container\n      image: example/x:1\n",
        ["container", "local"],
    ),
}


@pytest.mark.parametrize("case", DOCUMENTS)
def test_a_bad_document_is_refused_before_anything_starts(
    tmp_path: Path, case: str
) -> None:
    text, expected = DOCUMENTS[case]
    (tmp_path / "service.yaml").write_text(text)
    began = time.monotonic()
    done = run(tmp_path, "service.yaml")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert [part for part in expected if part not in said] == [], said
    assert "Traceback" not in said
    assert time.monotonic() - began < 15


def test_a_missing_file_is_named_with_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text(service())
    done = run(tmp_path, "servce.yaml")
    assert done.returncode == 1
    assert "servce.yaml" in done.stderr
    assert "service.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    text = service(name="Iris_1").replace("storageUri", "storageURI")
    (tmp_path / "service.yaml").write_text(text)
    done = run(tmp_path, "service.yaml")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert "service.yaml:4:3" in said
    assert "service.yaml:10:7" in said


def test_a_taken_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "service.yaml").write_text(service())
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        done = run(tmp_path, "service.yaml", "--port", str(port))
    assert done.returncode == 1
    assert str(port) in done.stderr
    assert "--port" in done.stderr
    assert "Traceback" not in done.stderr
