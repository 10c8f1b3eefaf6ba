"""The threads and the device of a session."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from inferry.errors import ModelLoadError

_USE = "use cpu, cuda, cuda:N or cuda,cpu"


def config(threads: int, device: str) -> Any:  # noqa: ANN401 - a protobuf of TensorFlow
    """Return the configuration of a session.

    Raises:
        ModelLoadError: The device is unknown or not here.

    """
    made = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads,
        # With one thread the graph runs in that of its caller, which saves two hops.
        inter_op_parallelism_threads=threads if threads > 1 else -1,
        allow_soft_placement=True,
    )
    number = _gpu(device)
    if number is None:
        made.device_count["GPU"] = 0
    else:
        made.gpu_options.allow_growth = True
        made.gpu_options.visible_device_list = str(number)
    return made


def _gpu(device: str) -> int | None:
    """Return the number of the GPU to use, None for the CPU."""
    names = [name.strip().lower() for name in device.split(",") if name.strip()]
    kinds = [name.partition(":")[0] for name in names]
    if not names or any(kind not in {"cpu", "cuda"} for kind in kinds):
        raise ModelLoadError(f"unknown device {device!r}", remedy=_USE)
    if kinds[0] == "cpu":
        return None
    number = names[0].partition(":")[2] or "0"
    if not (number.isascii() and number.isdigit()):
        raise ModelLoadError(f"unknown device {device!r}", remedy=_USE)
    found = len(tf.config.list_physical_devices("GPU"))
    if int(number) < found:
        return int(number)
    if "cpu" in kinds:
        return None
    raise ModelLoadError(
        f"the installed TensorFlow finds {found or 'no'} GPUs, not {names[0]}",
        remedy="install tensorflow[and-cuda] and the driver, or use device=cpu",
    )
