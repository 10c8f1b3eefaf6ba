"""What a model tells about itself, as V2's metadata and Triton's configuration have it.

Source: Open Inference Protocol, "Model Metadata"; Triton, "Model Configuration
Extension" and ``model_config.proto``, whose JSON form `model_config` is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inferry.model import TensorSpec
    from inferry_server.loaded import LoadedModel
    from inferry_server.states import Batching

_TYPES = {"BYTES": "TYPE_STRING"}


def model_metadata(model: LoadedModel) -> dict[str, Any]:
    """Return the metadata of *model* as V2 gives it."""
    return {
        "name": model.name,
        "versions": list(model.versions),
        "platform": model.metadata.platform,
        "inputs": [_tensor(spec) for spec in model.metadata.inputs],
        "outputs": [_tensor(spec) for spec in model.metadata.outputs],
    }


def _tensor(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def model_config(model: LoadedModel) -> dict[str, Any]:
    """Return the configuration of *model* as Triton gives it.

    A model that is batched here has a ``max_batch_size``, and then its dimensions are
    without the first one.
    """
    batching = batching_of(model)
    start = 1 if batching else 0
    inputs, outputs = model.metadata.inputs, model.metadata.outputs
    config: dict[str, Any] = {
        "name": model.name,
        "platform": model.metadata.platform,
        "backend": model.spec.runtime,
        "runtime": "",
        "version_policy": {"specific": {"versions": _numbers(model.versions)}},
        "max_batch_size": batching.max_size if batching else 0,
        "input": [_input(spec, start) for spec in inputs],
        "output": [_output(spec, start) for spec in outputs],
        "batch_input": [],
        "batch_output": [],
        "optimization": {"priority": "PRIORITY_DEFAULT"},
    }
    if batching:
        config["dynamic_batching"] = {
            "preferred_batch_size": [batching.max_size],
            "max_queue_delay_microseconds": round(batching.max_delay * 1e6),
            "preserve_ordering": False,
        }
    return config | {
        "instance_group": [_instances(model)],
        "default_model_filename": "",
        "cc_model_filenames": {},
        "metric_tags": {},
        "parameters": {},
        "model_warmup": [],
        "model_transaction_policy": {"decoupled": hasattr(model.instance, "stream")},
    }


def batching_of(model: LoadedModel) -> Batching | None:
    """Return how requests for *model* are merged, None where they are not."""
    is_row_wise = bool(getattr(model.instance, "batching", False))
    return model.spec.batching if is_row_wise else None


def _numbers(versions: tuple[str, ...]) -> list[int]:
    return [int(version) for version in versions if version.isdecimal()]


def _type(datatype: str) -> str:
    return _TYPES.get(datatype, f"TYPE_{datatype}")


def _input(spec: TensorSpec, start: int) -> dict[str, Any]:
    return {
        "name": spec.name,
        "data_type": _type(spec.datatype),
        "format": "FORMAT_NONE",
        "dims": list(spec.shape[start:]),
        "is_shape_tensor": False,
        "allow_ragged_batch": False,
        "optional": False,
    }


def _output(spec: TensorSpec, start: int) -> dict[str, Any]:
    return {
        "name": spec.name,
        "data_type": _type(spec.datatype),
        "dims": list(spec.shape[start:]),
        "label_filename": "",
        "is_shape_tensor": False,
    }


def _instances(model: LoadedModel) -> dict[str, Any]:
    return {
        "name": model.name,
        "kind": "KIND_CPU",
        "count": model.execution.concurrency,
        "gpus": [],
        "secondary_devices": [],
        "profile": [],
        "passive": False,
        "host_policy": "",
    }
