"""What a case of the runtimes' benchmark is: a model, and two ways to ask it.

``cases/NAME.py`` holds ``cases() -> Iterable[Case]``; NAME is what ``--only`` takes.
Nothing heavy is imported before a function of a case is called.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inferry.model import InferRequest, Tensor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

CASES = Path(__file__).parent / "cases"


@dataclass(frozen=True, kw_only=True)
class Case:
    """One model, asked through our runtime and through its library alone.

    ``target`` is the model's class as a descriptor names it. ``make`` writes the model
    into a folder and returns what ``load`` is given. ``bare`` loads it with the library
    alone and returns what answers the arrays of a request; the answer must be equal to
    our first output, within ``rtol``. ``request`` makes the request of so many rows.
    ``needs`` are the modules without which the case is left out.
    """

    title: str
    target: str
    make: Callable[[Path], Path]
    bare: Callable[[Path], Callable[..., Any]]
    request: Callable[[int], InferRequest]
    needs: Sequence[str]
    options: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[int] = (1, 32)
    rtol: float = 1e-5


def names() -> tuple[str, ...]:
    """Return what there are cases of."""
    return tuple(sorted(path.stem for path in CASES.glob("*.py")))


def rows_of(
    name: str, table: np.ndarray[Any, Any], outputs: Sequence[str] = ()
) -> Callable[[int], InferRequest]:
    """Return what makes requests of the first rows of *table*, as the input *name*."""
    datatype = {"float32": "FP32", "float64": "FP64"}[table.dtype.name]

    def request(rows: int) -> InferRequest:
        data = np.ascontiguousarray(table[:rows])
        tensor = Tensor(name=name, datatype=datatype, data=data)
        return InferRequest(inputs=(tensor,), outputs=tuple(outputs))

    return request
