"""What a model takes and gives, as its file says."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.runtime.tables import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["OUTPUTS", "Signature", "describe"]

PREDICT, CLASS, PROBABILITIES = "predict", "predict_class", "predict_proba"
MARGIN, LEAF, CONTRIBUTIONS = "output_margin", "pred_leaf", "pred_contribs"
#: In this order in metadata and answers.
OUTPUTS = (PREDICT, CLASS, PROBABILITIES, MARGIN, LEAF, CONTRIBUTIONS)
_BINARY = ("binary:logistic", "binary:logitraw", "binary:hinge")
_CLASSES = ("multi:softprob", "multi:softmax")


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """What the model takes and how it answers.

    ``types`` are those that XGBoost gives columns: ``c`` is a category.
    """

    table: Table
    objective: str
    booster: str
    types: tuple[str, ...] = ()
    best_iteration: int | None = None
    wrapped: bool = False

    @property
    def outputs(self) -> tuple[str, ...]:
        """The names of what the model can be asked for."""
        given = list(OUTPUTS)
        if self.objective not in _BINARY + _CLASSES:
            given.remove(CLASS)
        if self.objective not in _BINARY[:2] + _CLASSES:
            given.remove(PROBABILITIES)
        if self.booster == "gblinear":
            given.remove(LEAF)
        return tuple(given)


def describe(learner: Mapping[str, Any]) -> Signature:
    """Return what the checked *learner* takes."""
    attributes = learner.get("attributes") or {}
    best = str(attributes.get("best_iteration"))
    booster = learner["gradient_booster"]
    types = tuple(learner.get("feature_types", ()))
    table = Table(
        features=int(learner["learner_model_param"]["num_feature"]),
        names=tuple(learner.get("feature_names", ())),
        codes={
            position: codes
            for position, codes in _categories(booster).items()
            if types and types[position] == "c"
        },
    )
    return Signature(
        table=table,
        objective=str(learner["objective"]["name"]),
        booster=str(booster["name"]),
        types=types,
        best_iteration=int(best) if best.isdecimal() else None,
        wrapped="scikit_learn" in attributes,
    )


def _categories(booster: Mapping[str, Any]) -> dict[int, dict[Any, int]]:
    model = booster.get("gbtree", booster)["model"]
    encoders = (model.get("cats") or {}).get("enc", ())
    found = {position: _codes(each) for position, each in enumerate(encoders)}
    return {position: codes for position, codes in found.items() if codes}


def _codes(encoder: Mapping[str, Any]) -> dict[Any, int]:
    """Return the code of each category: texts lie joined, cut by offsets."""
    values, offsets = encoder["values"], encoder.get("offsets")
    if offsets is None:
        return {value: code for code, value in enumerate(map(float, values))}
    joined = bytes(int(each) & 0xFF for each in values)
    cuts = [int(each) for each in offsets]
    pairs = enumerate(pairwise(cuts))
    return {joined[start:end]: code for code, (start, end) in pairs}
