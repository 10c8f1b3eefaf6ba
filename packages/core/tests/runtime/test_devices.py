"""A device is the first of the option that is there."""

from __future__ import annotations

import pytest

from inferry.errors import ModelLoadError
from inferry.runtime.devices import choose, named, number


def chosen(option: str, gpus: int) -> str:
    return choose(option, lambda: gpus, library="Torch 2", install="torch[cuda]")


@pytest.mark.parametrize(
    "option",
    ["", ",", "gpu", "cpu,tpu", "cuda:", "cuda:x", "cuda:-1", "cuda:0x", "cpu:1"],
)
def test_what_is_no_device_is_refused(option: str) -> None:
    with pytest.raises(ModelLoadError) as caught:
        named(option)

    assert str(caught.value) == (
        f"unknown device {option!r}; use cpu, cuda, cuda:N or cuda,cpu"
    )


def test_names_keep_their_order_and_not_their_case() -> None:
    assert named(" CUDA:1, ,cpu ") == ("cuda:1", "cpu")


def test_a_gpu_has_a_number_and_the_cpu_none() -> None:
    assert [number(name) for name in ("cpu", "cuda", "cuda:3")] == [None, 0, 3]


@pytest.mark.parametrize(
    ("option", "gpus", "device"),
    [
        ("cpu", 2, "cpu"),
        ("cuda", 1, "cuda"),
        ("cuda:1", 2, "cuda:1"),
        ("cuda,cpu", 0, "cpu"),
        ("cuda:2,cpu", 2, "cpu"),
        ("cuda:2,cuda:1", 2, "cuda:1"),
    ],
)
def test_the_first_that_is_there_is_chosen(option: str, gpus: int, device: str) -> None:
    assert chosen(option, gpus) == device


@pytest.mark.parametrize(
    ("option", "gpus", "said"),
    [
        ("cuda", 0, "no GPUs, not cuda;"),
        ("cuda:1", 1, "1 GPU, not cuda:1;"),
        ("cuda:2,cuda:3", 2, "2 GPUs, not cuda:2 or cuda:3;"),
    ],
)
def test_where_none_is_there_it_says_what_is(option: str, gpus: int, said: str) -> None:
    with pytest.raises(ModelLoadError) as caught:
        chosen(option, gpus)

    assert str(caught.value) == (
        f"the installed Torch 2 finds {said} "
        "install torch[cuda] and the driver, or use the option device=cpu"
    )


def test_nobody_counts_gpus_for_the_cpu() -> None:
    def count() -> int:
        pytest.fail("to count them is slow")

    assert choose("cpu", count, library="Torch", install="torch") == "cpu"
