"""Devices that this machine lacks are refused; threads follow the option."""

from __future__ import annotations

import pytest
import torch

from inferry.errors import ModelLoadError
from inferry_runtime_pytorch import _device


def test_a_machine_without_cuda_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)

    for option in ("cuda", "cuda:1"):
        with pytest.raises(ModelLoadError, match="finds no GPUs, not cuda"):
            _device.choose(option)
    assert _device.choose("cuda,cpu") == "cpu"
    assert _device.choose("CPU") == "cpu"


def test_the_first_device_that_is_there_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)

    assert _device.choose("cuda,cpu") == "cuda"
    assert _device.choose("cuda:1") == "cuda:1"
    assert _device.choose("cuda:2,cpu") == "cpu"


def test_threads_are_set_and_the_quota_is_the_default() -> None:
    assert _device.set_threads(1) == torch.get_num_threads() == 1
    assert _device.set_threads(0) == torch.get_num_threads()
