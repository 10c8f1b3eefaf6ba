"""What a service says of a model that does not say it itself.

The options ``inputs`` and ``outputs``, or a file ``metadata.json`` beside the model
with what the V2 protocol calls the metadata of a model.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import ModelLoadError
from inferry.model import DATATYPES, TensorSpec
from inferry.runtime.options import listed
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FILE = "metadata.json"
MAX_BYTES = 2**20
_TENSOR = re.compile(r"([^:\s]+):([A-Za-z0-9]+):(scalar|-?\d+(?:x-?\d+)*)\Z")
_LARGEST = 2**31


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared: inputs whole, outputs whole or only by name."""

    inputs: tuple[TensorSpec, ...] = ()
    outputs: tuple[TensorSpec, ...] = ()
    names: tuple[str, ...] = ()


class _Document(msgspec.Struct):
    inputs: list[TensorSpec] = []
    outputs: list[TensorSpec] = []


def declared(path: Path, options: Mapping[str, Any]) -> Declared:
    """Return what the options say, or else the file beside the model at *path*.

    Raises:
        ModelLoadError: One of them cannot be read.

    """
    inputs = tuple(_tensor(text, "inputs") for text in listed(options, "inputs"))
    outputs = listed(options, "outputs")
    whole = tuple(_tensor(text, "outputs") for text in outputs if ":" in text)
    if whole and len(whole) != len(outputs):
        raise ModelLoadError(
            "option outputs has names with and without a datatype",
            remedy="give all of them as name, or all as name:DATATYPE:shape",
        )
    names = tuple(each.name for each in whole) or outputs
    for option, given in (
        ("inputs", [each.name for each in inputs]),
        ("outputs", names),
    ):
        if len(set(given)) != len(given):
            raise ModelLoadError(
                f"option {option} names a tensor twice", remedy="give each its own name"
            )
    found = _read(path.parent / FILE)
    known = tuple(each.name for each in found.outputs)
    return Declared(
        inputs=inputs or found.inputs,
        outputs=whole or (found.outputs if names in {(), known} else ()),
        names=names or known,
    )


def _tensor(text: str, option: str) -> TensorSpec:
    found = _TENSOR.match(text)
    if found is None or found[2].upper() not in DATATYPES:
        raise ModelLoadError(
            f"option {option} has {text!r}",
            remedy="use name:DATATYPE:shape, such as x:FP32:-1x3x224x224",
        )
    shape = () if found[3] == "scalar" else tuple(map(int, found[3].split("x")))
    spec = TensorSpec(name=found[1], datatype=found[2].upper(), shape=shape)
    _check_shape(spec, f"option {option}")
    return spec


def _read(file: Path) -> Declared:
    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return Declared()
    except OSError as error:
        raise ModelLoadError(f"{file.name} cannot be read: {error.strerror}") from None
    try:
        if len(content) > MAX_BYTES:
            msg = f"it has more than {MAX_BYTES} bytes"
            raise msgspec.ValidationError(msg)
        document = msgspec.json.decode(content, type=_Document)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ModelLoadError(
            f"{file.name} beside the model cannot be read: {error}",
            reason=Reason.ModelCorrupt,
            remedy='write {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, '
            "4]}]}, or remove the file",
        ) from None
    for each in (*document.inputs, *document.outputs):
        _check_shape(each, file.name)
    return Declared(
        inputs=tuple(document.inputs),
        outputs=tuple(document.outputs),
        names=tuple(each.name for each in document.outputs),
    )


def _check_shape(spec: TensorSpec, where: str) -> None:
    if spec.datatype not in DATATYPES or not all(
        -1 <= size < _LARGEST for size in spec.shape
    ):
        raise ModelLoadError(
            f"{where} declares {spec.name!r} as {spec.datatype} {list(spec.shape)}",
            remedy="use a datatype of V2, and sizes of at least -1 (any)",
        )
