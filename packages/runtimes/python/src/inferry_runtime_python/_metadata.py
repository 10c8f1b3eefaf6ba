"""The signature of a model from the attributes of its class."""

from __future__ import annotations

from typing import Any

from inferry.errors import ModelLoadError
from inferry.model import DATATYPES, ModelMetadata, TensorSpec


def declared(model: Any, owner: str) -> ModelMetadata | None:  # noqa: ANN401 - the user's object
    """Return what the attributes ``inputs`` and ``outputs`` of *model* say.

    Each is a dict of name to ``(datatype, shape)``, or a sequence of `TensorSpec`; None
    if there is neither.

    Raises:
        ModelLoadError: They say something else.

    """
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not isinstance(inputs, (dict, list, tuple)):
        return None
    if not isinstance(outputs, (dict, list, tuple)):
        outputs = ()
    return ModelMetadata(
        inputs=tuple(_specs(inputs, f"{owner}.inputs")),
        outputs=tuple(_specs(outputs, f"{owner}.outputs")),
        platform="python",
    )


def _specs(given: Any, where: str) -> list[TensorSpec]:  # noqa: ANN401 - the user's value
    if isinstance(given, dict):
        return [_spec(name, value, where) for name, value in given.items()]
    if all(isinstance(each, TensorSpec) for each in given):
        return list(given)
    raise _wrong(where)


def _spec(name: Any, value: Any, where: str) -> TensorSpec:  # noqa: ANN401 - the user's value
    try:
        datatype, shape = value
        sizes = tuple(int(size) for size in shape)
    except (TypeError, ValueError):
        raise _wrong(where) from None
    if datatype not in DATATYPES or not isinstance(name, str):
        raise _wrong(where)
    return TensorSpec(name=name, datatype=datatype, shape=sizes)


def _wrong(where: str) -> ModelLoadError:
    return ModelLoadError(
        f"{where} does not describe tensors",
        remedy=(
            'write it as {"values": ("FP32", (-1, 4))}, the datatypes are '
            f"{', '.join(DATATYPES)}"
        ),
    )
