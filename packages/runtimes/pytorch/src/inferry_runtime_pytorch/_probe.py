"""Find out by a few calls what a model gives, and whether its rows are independent.

TorchScript and modules in Python declare nothing of what they give. Where the inputs
are known, small calls tell.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from inferry.errors import InferryError
from inferry.model import DATATYPES, InferRequest, Tensor, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_LOG = logging.getLogger(__name__)
#: Sizes that are tried for an axis that is left open.
_SIZES = (1, 16, 64, 224, 320)
_MOST = 2**24
_ANY = -1


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What calls told: a request that works, the outputs, and whether rows are apart.

    ``request`` is None where no call worked.
    """

    request: InferRequest | None = None
    outputs: tuple[TensorSpec, ...] = ()
    independent: bool = False


def probe(
    ask: Callable[[InferRequest], list[Tensor]],
    specs: Sequence[TensorSpec],
    texts: tuple[bytes, ...] = (),
) -> Found:
    """Call *ask* with tensors as *specs* describe them, and with *texts* in BYTES."""
    if not specs:
        return Found()
    make = partial(example, specs, texts=texts)
    for size in _SIZES:
        answer = _answer(ask, make(rows=1, size=size))
        if answer is not None:
            return _described(ask, specs, make, size, answer)
        if not any(_ANY in spec.shape[1:] for spec in specs):
            break
    return Found()


def example(
    specs: Sequence[TensorSpec],
    *,
    rows: int,
    size: int,
    seed: int = 0,
    texts: tuple[bytes, ...] = (),
) -> InferRequest:
    """Return a request with *rows* rows; other open axes have *size*."""
    random = np.random.default_rng(seed)
    tensors = []
    for spec in specs:
        head = tuple(rows if each == _ANY else each for each in spec.shape[:1])
        shape = head + tuple(size if each == _ANY else each for each in spec.shape[1:])
        data = np.zeros(shape, dtype=np.dtype(_dtype(spec.datatype)))
        if data.dtype.kind == "f" and data.size <= _MOST:
            data += random.random(shape).astype(data.dtype)
        if spec.datatype == "BYTES":
            data.fill(texts[seed % len(texts)] if texts else b"")
        tensors.append(Tensor(name=spec.name, datatype=spec.datatype, data=data))
    return InferRequest(inputs=tuple(tensors))


def shaped(
    specs: Sequence[TensorSpec], shapes: Sequence[tuple[int, ...]]
) -> InferRequest:
    """Return a request whose inputs have these *shapes*."""
    fixed = [
        msgspec.structs.replace(spec, shape=shape)
        for spec, shape in zip(specs, shapes, strict=True)
    ]
    return example(fixed, rows=1, size=1)


def _dtype(datatype: str) -> str:
    if datatype == "BF16":
        import ml_dtypes  # noqa: F401 - numpy knows the name after this
    return DATATYPES[datatype]


def _described(
    ask: Callable[[InferRequest], list[Tensor]],
    specs: Sequence[TensorSpec],
    make: Callable[..., InferRequest],
    size: int,
    answer: list[Tensor],
) -> Found:
    request = make(rows=1, size=size)
    other = make(rows=1, size=size, seed=1)
    apart = _answer(ask, other)
    both = _joined(request, other)
    together = _answer(ask, both)
    larger = make(rows=1, size=size + 16)
    answers = [answer, together, _answer(ask, larger)]
    open_axes = any(_ANY in spec.shape[1:] for spec in specs)
    rows = all(spec.shape[:1] == (_ANY,) for spec in specs)
    return Found(
        request=request,
        outputs=_outputs(
            [each for each in answers if each is not None], open_axes=open_axes
        ),
        independent=rows
        and apart is not None
        and together is not None
        and _same(answer, apart, together),
    )


def _answer(
    ask: Callable[[InferRequest], list[Tensor]], request: InferRequest
) -> list[Tensor] | None:
    try:
        return ask(request)
    except InferryError as error:
        shapes = [list(each.data.shape) for each in request.inputs]
        _LOG.debug("the model does not answer inputs of shape %s: %s", shapes, error)
        return None


def _joined(first: InferRequest, second: InferRequest) -> InferRequest:
    """Return both requests as one; inputs without an axis are those of the first."""
    tensors = tuple(
        msgspec.structs.replace(one, data=np.concatenate([one.data, two.data]))
        if one.data.ndim
        else one
        for one, two in zip(first.inputs, second.inputs, strict=True)
    )
    return InferRequest(inputs=tensors)


def _outputs(answers: list[list[Tensor]], *, open_axes: bool) -> tuple[TensorSpec, ...]:
    """Return what all *answers* have in common; an axis that differs is open."""
    first = answers[0]
    names = [each.name for each in first]
    alike = all([each.name for each in answer] == names for answer in answers)
    ranks = all(
        [each.data.ndim for each in answer] == [each.data.ndim for each in first]
        for answer in answers
    )
    if not alike or not ranks:
        return ()
    return tuple(
        TensorSpec(
            name=each.name,
            datatype=each.datatype,
            shape=tuple(
                _axes([answer[index] for answer in answers], open_axes=open_axes)
            ),
        )
        for index, each in enumerate(first)
    )


def _axes(tensors: list[Tensor], *, open_axes: bool) -> Iterator[int]:
    shapes = [each.data.shape for each in tensors]
    for axis, size in enumerate(shapes[0]):
        differs = any(shape[axis] != size for shape in shapes)
        # One size more proves nothing of an axis that pooling rounds.
        unsure = open_axes and axis > 0 and len(shapes) == 1
        yield _ANY if differs or unsure else size


def _same(one: list[Tensor], two: list[Tensor], both: list[Tensor]) -> bool:
    """Say whether *both* is *one* and *two*, row by row."""
    for first, second, joined in zip(one, two, both, strict=False):
        if not first.data.ndim or first.data.shape[0] != 1:
            return False
        expected = np.concatenate([first.data, second.data])
        if expected.shape != joined.data.shape:
            return False
        if expected.dtype.kind not in "fV" and expected.dtype.name != "bfloat16":
            if not np.array_equal(expected, joined.data):
                return False
        elif not _close(expected, joined.data):
            return False
    return len(one) == len(both)


def _close(expected: object, found: object) -> bool:
    left, right = np.asarray(expected, np.float64), np.asarray(found, np.float64)
    return bool(np.allclose(left, right, rtol=1e-2, atol=1e-3, equal_nan=True))
