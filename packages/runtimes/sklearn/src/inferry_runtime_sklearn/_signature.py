"""What a fitted estimator takes: rows of numbers, texts, or named columns.

scikit-learn records only the number and the names of features. Whether a column holds
text is read from the encoders and vectorizers that come first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.pipeline import Pipeline

from inferry.model import InferRequest, Tensor, TensorSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

#: The input of a model that takes one tensor, as KServe's examples call it.
INPUT = "input-0"
METHODS = ("predict", "predict_proba", "decision_function", "transform")

Kind = Literal["any", "columns", "matrix", "text"]


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What the model takes.

    ``names`` are the columns it was fitted on, ``frame`` says that it needs them as a
    DataFrame, ``texts`` holds an example of each column that is text.
    """

    kind: Kind
    inputs: tuple[TensorSpec, ...] = ()
    features: int = -1
    names: tuple[str, ...] = ()
    frame: bool = False
    texts: dict[int, str] = {}

    def example(self) -> InferRequest | None:
        """Return a request of one row that the model should answer, if it is known."""
        if self.kind == "any" or (self.kind == "matrix" and self.features < 0):
            return None
        tensors = []
        for position, spec in enumerate(self.inputs):
            shape = [1 if size < 0 else size for size in spec.shape]
            if spec.datatype != "BYTES":
                data = np.zeros(shape)
            else:
                data = self._texts(position, shape)
            tensors.append(Tensor(name=spec.name, datatype=spec.datatype, data=data))
        return InferRequest(inputs=tuple(tensors))

    def _texts(self, position: int, shape: list[int]) -> np.ndarray[Any, Any]:
        data = np.empty(shape, dtype=object)
        # A column beside those of text is of numbers, which come as text too.
        other = "0" if self.texts else "warm up"
        for offset in range(data.size):
            text = self.texts.get(position + offset, other)
            data.flat[offset] = text.encode()
        return data


def describe(model: Any) -> Signature:  # noqa: ANN401 - any estimator
    """Return what *model* takes."""
    first = _first(model)
    if isinstance(first, (CountVectorizer, HashingVectorizer)):
        spec = TensorSpec(name=INPUT, datatype="BYTES", shape=(-1,))
        return Signature(kind="text", inputs=(spec,))
    features = int(getattr(model, "n_features_in_", -1))
    names = tuple(map(str, getattr(model, "feature_names_in_", ())))
    texts = dict(_text_columns(first, names))
    frame = isinstance(first, ColumnTransformer) and any(
        _is_named(columns) for _, _, columns in first.transformers_
    )
    if frame and texts:
        inputs = tuple(
            TensorSpec(name=n, datatype="BYTES" if i in texts else "FP64", shape=(-1,))
            for i, n in enumerate(names)
        )
        kind: Kind = "columns"
    elif features < 0:
        kind, inputs = "any", ()
    else:
        datatype = "BYTES" if texts else "FP64"
        spec = TensorSpec(name=INPUT, datatype=datatype, shape=(-1, features))
        kind, inputs = "matrix", (spec,)
    return Signature(
        kind=kind,
        inputs=inputs,
        features=features,
        names=names,
        frame=frame,
        texts=texts,
    )


def methods(model: Any) -> tuple[str, ...]:  # noqa: ANN401 - any estimator
    """Return which of `METHODS` the fitted *model* has."""
    return tuple(name for name in METHODS if hasattr(model, name))


def _first(model: Any) -> Any:  # noqa: ANN401 - any estimator
    """Return the estimator that the input reaches first."""
    while True:
        if isinstance(model, Pipeline):
            model = model.steps[0][1]
        elif hasattr(model, "best_estimator_"):
            model = model.best_estimator_
        else:
            return model


def _is_named(columns: Any) -> bool:  # noqa: ANN401 - str, list, slice, mask
    if isinstance(columns, str):
        return True
    return isinstance(columns, (list, np.ndarray)) and any(
        isinstance(column, str) for column in columns
    )


def _text_columns(first: Any, names: tuple[str, ...]) -> Iterator[tuple[int, str]]:  # noqa: ANN401 - any estimator
    """Yield the position of each column that is text, with an example."""
    if not isinstance(first, ColumnTransformer):
        yield from _text_categories(first, range(1 << 30))
        return
    for _, transformer, columns in first.transformers_:
        listed = [columns] if isinstance(columns, str) else columns
        if not isinstance(listed, (list, np.ndarray)) or transformer == "drop":
            continue
        positions = [
            names.index(column) if isinstance(column, str) else int(column)
            for column in listed
        ]
        inner = _first(transformer)
        if isinstance(inner, (CountVectorizer, HashingVectorizer)):
            yield from ((position, "warm up") for position in positions)
        else:
            yield from _text_categories(inner, positions)


def _text_categories(encoder: Any, positions: Any) -> Iterator[tuple[int, str]]:  # noqa: ANN401 - any estimator
    categories = getattr(encoder, "categories_", ())
    for position, known in zip(positions, categories, strict=False):
        example = next((value for value in known if isinstance(value, str)), None)
        if example is not None:
            yield position, example
