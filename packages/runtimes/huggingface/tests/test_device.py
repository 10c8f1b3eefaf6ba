"""Device, numbers and threads are those of the options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
import transformers

from inferry.errors import ModelLoadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inferry_runtime_huggingface.model import HuggingfaceModel


@pytest.fixture
def folder(berts: Any) -> Path:
    path: Path = berts("Model")
    return path


@pytest.mark.parametrize("device", ["cuda", "cuda:0", "cuda:7"])
@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has the device")
def test_refuses_a_device_that_is_not_there(
    folder: Path, loaded: Callable[..., HuggingfaceModel], device: str
) -> None:
    with pytest.raises(ModelLoadError, match=f"finds no GPUs, not {device}; install"):
        loaded(folder, device=device)


def test_takes_the_first_device_that_is_there(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    task: Any = loaded(folder, device="cuda:99, cpu").task

    assert task.model.device.type == "cpu"
    with pytest.raises(ModelLoadError, match="unknown device 'tpu'; use cpu, cuda"):
        loaded(folder, device="tpu")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "half"])
def test_computes_in_the_numbers_of_the_option(
    folder: Path, loaded: Callable[..., HuggingfaceModel], ask: Any, dtype: str
) -> None:
    whole, less = loaded(folder), loaded(folder, dtype=dtype)

    (expected,), (answer,) = ask(whole, "cat").outputs, ask(less, "cat").outputs

    assert less.memory == pytest.approx(whole.memory / 2, rel=0.1)
    np.testing.assert_allclose(answer.data, expected.data, atol=0.05)
    with pytest.raises(ModelLoadError, match="option dtype is 'int4'"):
        loaded(folder, dtype="int4")


def test_a_cpu_widens_what_was_saved_in_half(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    model = transformers.AutoModel.from_pretrained(folder, dtype=torch.float16)
    model.save_pretrained(folder)
    task: Any = loaded(folder).task

    assert task.model.dtype is torch.float32


def test_sets_the_threads_of_the_option(
    folder: Path, loaded: Callable[..., HuggingfaceModel]
) -> None:
    loaded(folder, threads=1)

    assert torch.get_num_threads() == 1
    with pytest.raises(ModelLoadError, match="option threads is -1"):
        loaded(folder, threads=-1)
