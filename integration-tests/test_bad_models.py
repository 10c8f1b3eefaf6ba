"""A model that cannot serve says why and what to do; its neighbour does not notice."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

from running import SERVICE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from running import Running

IRIS = {"instances": [[5.1, 3.5, 1.4, 0.2]]}

GREEDY = """
class Greedy:
    def load(self):
        raise MemoryError("cannot allocate 900 GiB")

    def predict(self, values):
        return values
"""


def documents(iris: Path, folder: Path) -> str:
    """Write every broken model and return all services, the working one first."""
    for name in ("empty", "corrupt", "unsafe", "greedy", "untrusted"):
        (folder / name).mkdir()
    (folder / "empty" / "notes.txt").write_text("no model here")
    (folder / "corrupt" / "model.onnx").write_bytes(b"\x00not a model")
    with (folder / "unsafe" / "model.pkl").open("wb") as sink:
        pickle.dump({"a": 1}, sink)
    for name in ("greedy", "untrusted"):
        (folder / name / "model.py").write_text(GREEDY)
    return "---\n".join(
        SERVICE.format(name=name, format=kind, uri=uri)
        for name, kind, uri in (
            ("iris", "sklearn", iris),
            ("missing", "onnx", folder / "nowhere"),
            ("empty", "onnx", folder / "empty"),
            ("corrupt", "onnx", folder / "corrupt"),
            ("unsafe", "sklearn", folder / "unsafe"),
            ("greedy", "python", folder / "greedy"),
            ("untrusted", "python", folder / "untrusted"),
        )
    )


EXPECTED = {
    "missing": ("StorageNotFound", ["nowhere"]),
    "empty": ("ModelNotFound", [".onnx", "notes.txt"]),
    "corrupt": ("ModelCorrupt", ["model.onnx"]),
    "unsafe": ("ModelUnsafe", ["model.pkl", "allowPickle"]),
    "greedy": ("OutOfMemory", ["900 GiB"]),
    "untrusted": ("ModelUnsafe", ["trust"]),
}


def test_each_broken_model_has_its_reason_and_the_good_one_serves(
    tmp_path: Path, iris_folder: Path, run: Callable[..., Running]
) -> None:
    (tmp_path / "all.yaml").write_text(documents(iris_folder, tmp_path))
    running = run("all.yaml", INFERRY_PLUGINS__PYTHON__TRUST=str(tmp_path / "greedy"))
    running.wait("iris", "Ready")
    found: dict[str, Any] = {}
    for name in EXPECTED:
        found[name] = running.wait(name, "Failed", seconds=30)
    told = {name: status["reason"] for name, status in found.items()}
    assert told == {name: reason for name, (reason, _) in EXPECTED.items()}
    for name, (_, parts) in EXPECTED.items():
        said = found[name]["message"] + found[name]["remedy"]
        assert [part for part in parts if part not in said] == [], said
        assert found[name]["remedy"]
    answer = running.post("/v1/models/iris:predict", IRIS)
    assert (answer.status_code, answer.json()) == (200, {"predictions": [0]})
    refused = running.post("/v1/models/corrupt:predict", IRIS)
    assert refused.status_code == 503
    assert "model.onnx" in refused.json()["error"]
