"""Devices and threads are what the options say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import onnxruntime
import pytest

from inferry.errors import ModelLoadError
from inferry_runtime_onnx import _session

if TYPE_CHECKING:
    from conftest import Models


def test_threads_reach_the_session(models: Models) -> None:
    session = _session.open_session(models.linear(), threads=1, device="cpu")

    assert session.get_session_options().intra_op_num_threads == 1


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    reason="this onnxruntime has CUDA",
)
def test_cuda_without_cuda_names_what_is_there(models: Models) -> None:
    with pytest.raises(ModelLoadError, match=r"only .*CPUExecutionProvider"):
        _session.open_session(models.linear(), threads=1, device="cuda")


def test_cuda_or_cpu_takes_what_there_is(models: Models) -> None:
    session = _session.open_session(models.linear(), threads=1, device="cuda,cpu")

    assert session.get_providers()[-1] == "CPUExecutionProvider"


def test_the_number_of_a_gpu_reaches_the_session(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def make(*_args: object, providers: list[object], **_options: object) -> object:
        asked.extend(providers)
        return object()

    monkeypatch.setattr(
        _session.onnxruntime,
        "get_available_providers",
        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )
    monkeypatch.setattr(_session.onnxruntime, "InferenceSession", make)
    _session.open_session(models.linear(), threads=1, device="cuda:1,cpu")

    assert asked == [
        ("CUDAExecutionProvider", {"device_id": "1"}),
        ("CPUExecutionProvider", {}),
    ]


@pytest.mark.parametrize("device", ["tpu", ",", "cpu,tpu"])
def test_an_unknown_device_is_refused(models: Models, device: str) -> None:
    with pytest.raises(ModelLoadError, match="use cpu, cuda, cuda:N or cuda,cpu"):
        _session.open_session(models.linear(), threads=1, device=device)


@pytest.mark.parametrize(
    ("error", "reason", "said"),
    [
        (MemoryError(), "OutOfMemory", "linear.onnx does not fit into memory"),
        (
            RuntimeError("[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : std::bad_alloc"),
            "OutOfMemory",
            "linear.onnx does not fit into memory",
        ),
        (
            RuntimeError("[ONNXRuntimeError] : 1 : FAIL : two\nlines"),
            "ModelLoadFailed",
            "onnxruntime cannot load linear.onnx: FAIL : two lines",
        ),
    ],
)
def test_what_onnxruntime_raises_is_told_with_its_reason(
    models: Models,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
    reason: str,
    said: str,
) -> None:
    def fail(*_args: object, **_options: object) -> None:
        raise error

    path = models.linear()
    monkeypatch.setattr(_session.onnxruntime, "InferenceSession", fail)
    with pytest.raises(ModelLoadError) as raised:
        _session.open_session(path, threads=1, device="cpu")

    assert raised.value.reason == reason
    assert raised.value.message == said.replace("linear.onnx", path.name)


def test_an_unknown_operator_is_named(models: Models) -> None:
    with pytest.raises(ModelLoadError, match="Frobnicate"):
        _session.open_session(models.unknown_operator(), threads=1, device="cpu")


def test_a_newer_opset_is_a_version_mismatch(models: Models) -> None:
    path = models.write("model.onnx", [], [], [], opset=999)

    with pytest.raises(ModelLoadError, match="needs a newer onnxruntime") as caught:
        _session.open_session(path, threads=1, device="cpu")

    assert caught.value.reason == "ModelVersionMismatch"
