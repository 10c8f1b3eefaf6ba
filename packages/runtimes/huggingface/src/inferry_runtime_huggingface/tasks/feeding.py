"""Which of a tokenizer's tensors an encoder is given."""

from __future__ import annotations

import inspect
import logging
from typing import TYPE_CHECKING, Any

from inferry.errors import ModelLoadError
from inferry.runtime import options as reading

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IDS", "MASK", "TYPES", "given_names"]

logger = logging.getLogger(__name__)

IDS, MASK, TYPES = "input_ids", "attention_mask", "token_type_ids"


def given_names(
    options: Mapping[str, Any],
    model: Any,  # noqa: ANN401 - a module of any architecture
) -> frozenset[str]:
    """Return the names of the tensors that *model* is given.

    They are ids, mask, and the types of tokens where the model takes them; the option
    ``tensorInputNames`` chooses among them, and ``returnTokenTypeIds`` may withhold the
    types.

    Raises:
        ModelLoadError: The option names what no tokenizer makes, or not the ids.

    """
    takes = inspect.signature(model.forward).parameters
    made = {IDS, MASK}
    if TYPES in takes and options.get("returnTokenTypeIds", True):
        made.add(TYPES)
    chosen = frozenset(reading.listed(options, "tensorInputNames"))
    if not chosen:
        return frozenset(made)
    wrong = sorted(chosen - {IDS, MASK, TYPES})
    if wrong or IDS not in chosen:
        what = f"names {wrong[0]!r}" if wrong else f"leaves out {IDS}"
        raise ModelLoadError(
            f"option tensorInputNames {what}",
            remedy=f"name {IDS} and perhaps {MASK}, {TYPES}",
        )
    if TYPES in chosen - made:
        why = "the model takes none"
        if TYPES in takes:
            why = "the option returnTokenTypeIds is false"
        logger.warning(
            "option tensorInputNames names %s without effect: %s", TYPES, why
        )
    return chosen & made
