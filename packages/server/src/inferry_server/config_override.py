"""The configuration that a load request brings along, in Triton's JSON form.

It may change what a request may change safely: how a model is batched and how many of
its calls run at a time. Everything else must be as it is already, or has no effect.
Source: Triton, "Model Repository Extension" and ``model_config.proto``.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from inferry.errors import InvalidInput
from inferry.model import DATATYPES
from inferry_server.states import Batching

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inferry_server.states import ModelSpec

_FIELDS = frozenset(
    [
        "backend",
        "batch_input",
        "batch_output",
        "cc_model_filenames",
        "default_model_filename",
        "dynamic_batching",
        "ensemble_scheduling",
        "input",
        "instance_group",
        "max_batch_size",
        "metric_tags",
        "model_metrics",
        "model_operations",
        "model_repository_agents",
        "model_transaction_policy",
        "model_warmup",
        "name",
        "optimization",
        "output",
        "parameters",
        "platform",
        "response_cache",
        "runtime",
        "sequence_batching",
        "version_policy",
    ]
)
#: Ways to schedule a model that this server has not.
_REFUSED = ("ensemble_scheduling", "sequence_batching")
_TYPES = {"TYPE_STRING", *(f"TYPE_{name}" for name in DATATYPES if name != "BYTES")}
_MICROSECONDS = 1e6
_MOST = 2**31


class _Tensor(Struct):
    name: str
    data_type: str
    dims: list[int] = []


class _DynamicBatching(Struct):
    max_queue_delay_microseconds: int = 0


class _Instances(Struct):
    count: int = 1


class _Config(Struct):
    """The fields that are looked at; numbers may be text, as protobuf has it."""

    name: str = ""
    max_batch_size: int | None = None
    dynamic_batching: _DynamicBatching | None = None
    instance_group: list[_Instances] = []
    input: list[_Tensor] = []
    output: list[_Tensor] = []


def overridden(spec: ModelSpec, text: str) -> ModelSpec:
    """Return *spec* as the configuration *text* changes it.

    Raises:
        InvalidInput: It is no configuration, or of another model.

    """
    what = f"failed to load {spec.name!r}, the configuration"
    fields = _fields(text, what)
    try:
        config = msgspec.convert(fields, _Config, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{what} is wrong: {error}") from None
    if config.name not in ("", spec.name):
        raise InvalidInput(f"{what} is of the model {config.name[:200]!r}")
    _check_tensors((*config.input, *config.output), what)
    changes: dict[str, Any] = {"batching": _batching(config, spec.batching, what)}
    if config.instance_group:
        counts = [group.count for group in config.instance_group]
        if min(counts) < 1:
            raise InvalidInput(f"{what} has an instance_group without instances")
        changes["concurrency"] = sum(counts)
    return msgspec.structs.replace(spec, **changes)


def _fields(text: str, what: str) -> Mapping[str, Any]:
    try:
        given = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidInput(f"{what} is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise InvalidInput(f"{what} is not a JSON object")
    fields = {_snake(key): value for key, value in given.items()}
    for key in fields:
        if key not in _FIELDS:
            near = get_close_matches(key[:100], _FIELDS, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InvalidInput(f"{what} has the unknown field {key[:100]!r}{hint}")
    for key in _REFUSED:
        if fields.get(key):
            raise InvalidInput(f"{what} asks for {key!r}, which this server has not")
    return fields


def _snake(key: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", key).lower()


def _check_tensors(tensors: Iterable[_Tensor], what: str) -> None:
    for tensor in tensors:
        if tensor.data_type not in _TYPES:
            raise InvalidInput(
                f"{what} gives tensor {tensor.name[:200]!r} the unknown data_type "
                f"{tensor.data_type[:40]!r}"
            )


def _batching(config: _Config, now: Batching | None, what: str) -> Batching | None:
    size = config.max_batch_size
    if size is None:
        return now
    if not 0 <= size < _MOST:
        raise InvalidInput(f"{what} has the max_batch_size {size}")
    if size == 0:
        return None
    if config.dynamic_batching is None:
        return Batching(max_size=size, max_delay=now.max_delay if now else 0.0)
    delay = config.dynamic_batching.max_queue_delay_microseconds
    if not 0 <= delay < _MOST:
        raise InvalidInput(f"{what} has a max_queue_delay_microseconds of {delay}")
    return Batching(max_size=size, max_delay=delay / _MICROSECONDS)
