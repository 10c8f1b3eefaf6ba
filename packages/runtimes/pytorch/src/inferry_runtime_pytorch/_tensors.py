"""Between V2 tensors and torch's, and what a model gave as named tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from inferry.errors import InferenceError, InvalidInput
from inferry.model import Tensor
from inferry.runtime.tensors import tensor as of_numpy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

MAX_DEPTH = 16
_DATATYPES: Mapping[Any, str] = {
    torch.bool: "BOOL",
    torch.int8: "INT8",
    torch.int16: "INT16",
    torch.int32: "INT32",
    torch.int64: "INT64",
    torch.uint8: "UINT8",
    torch.uint16: "UINT16",
    torch.uint32: "UINT32",
    torch.uint64: "UINT64",
    torch.float16: "FP16",
    torch.bfloat16: "BF16",
    torch.float32: "FP32",
    torch.float64: "FP64",
}
_CASTS: Mapping[str, Any] = {"int": int, "float": float, "bool": bool}


def datatype(dtype: Any) -> str:  # noqa: ANN401 - torch has no types
    """Return the V2 name of *dtype*.

    Raises:
        InferenceError: It has none.

    """
    found = _DATATYPES.get(dtype)
    if found is None:
        raise InferenceError(f"no V2 tensor can hold {dtype}")
    return found


def given(tensor: Tensor, device: str) -> Any:  # noqa: ANN401 - as above
    """Return *tensor* as torch's, in memory of its own.

    A model may write into its inputs, and those of a request may be read-only.

    Raises:
        InvalidInput: It is BYTES, of which torch has none.

    """
    if tensor.datatype == "BYTES":
        raise InvalidInput(
            f"input {tensor.name!r} is BYTES, expected a tensor of numbers"
        )
    if tensor.datatype == "BF16":
        words = torch.from_numpy(tensor.data.view(np.int16).copy())
        made = words.view(torch.bfloat16)
    else:
        made = torch.from_numpy(tensor.data.copy())
    return made if device == "cpu" else made.to(device)


def scalar(tensor: Tensor, kind: str) -> bool | float | str:
    """Return the only element of *tensor* as Python's *kind*.

    Raises:
        InvalidInput: It has more elements, or is of another type.

    """
    if tensor.data.size != 1:
        raise InvalidInput(
            f"input {tensor.name!r} has shape {list(tensor.data.shape)}, "
            f"expected one {kind}"
        )
    value = tensor.data.reshape(-1)[0]
    wanted = {"int": "iu", "float": "iuf", "bool": "b", "str": "O"}[kind]
    if tensor.data.dtype.kind not in wanted:
        raise InvalidInput(
            f"input {tensor.name!r} is {tensor.datatype}, expected {kind}"
        )
    if kind == "str":
        try:
            return bytes(value).decode()
        except UnicodeDecodeError:
            raise InvalidInput(f"input {tensor.name!r} is not UTF-8 text") from None
    found: bool | float = _CASTS[kind](value)
    return found


def taken(names: Sequence[str], value: Any, *, own: bool) -> list[Tensor]:  # noqa: ANN401 - what a model gives
    """Return what a model gave as tensors.

    They are called *names* in order, or after the keys and places that they have.
    With *own* they get memory that a later call does not change.

    Raises:
        InferenceError: There are others than *names*, or what no tensor can hold.

    """
    if type(value) is torch.Tensor:
        return [_taken(names[0] if len(names) == 1 else "output-0", value, own=own)]
    found = list(leaves(value))
    if names:
        if len(found) != len(names):
            raise InferenceError(
                f"the model gives {len(found)} outputs, and {len(names)} are declared"
            )
        found = [(name, each) for name, (_, each) in zip(names, found, strict=True)]
    return [_taken(name, each, own=own) for name, each in found]


def leaves(
    value: Any,  # noqa: ANN401 - as above
    name: str = "",
    depth: int = 0,
) -> Iterator[tuple[str, Any]]:
    """Yield what is in the containers of *value*, named after its keys and places.

    Raises:
        InferenceError: They are nested too deeply.

    """
    if depth > MAX_DEPTH:
        raise InferenceError("the model gives containers within containers, too deep")
    if value is None:
        return
    if hasattr(value, "items"):
        for key, each in value.items():
            yield from leaves(each, f"{name}.{key}" if name else str(key), depth + 1)
    elif hasattr(value, "_asdict"):
        yield from leaves(value._asdict(), name, depth + 1)
    elif isinstance(value, (list, tuple)) and not _is_plain(value):
        for index, each in enumerate(value):
            inner = f"{name}.{index}" if name else f"output-{index}"
            yield from leaves(each, inner, depth + 1)
    else:
        yield name or "output-0", value


def _is_plain(values: Sequence[Any]) -> bool:
    """Say whether *values* is a list of numbers or texts, which is one tensor."""
    kinds = {type(each) for each in values}
    return bool(kinds) and kinds <= {bool, int, float, str}


def _taken(name: str, value: Any, *, own: bool) -> Tensor:  # noqa: ANN401 - as above
    if not isinstance(value, torch.Tensor):
        return of_numpy(name, value)
    found = value.detach()
    if found.layout is not torch.strided:
        found = found.to_dense()
    if found.is_quantized:
        found = found.dequantize()
    found = found.cpu().contiguous().resolve_conj().resolve_neg()
    if found.dtype is torch.bfloat16:
        return _bfloat16(name, found)
    if found.dtype not in _DATATYPES:
        raise InferenceError(f"output {name!r} is {found.dtype}, which V2 has not")
    array = found.numpy()
    return Tensor(
        name=name, datatype=_DATATYPES[found.dtype], data=array.copy() if own else array
    )


def _bfloat16(name: str, value: Any) -> Tensor:  # noqa: ANN401 - as above
    import ml_dtypes

    words = value.view(torch.int16).numpy()
    return Tensor(
        name=name, datatype="BF16", data=words.copy().view(ml_dtypes.bfloat16)
    )
