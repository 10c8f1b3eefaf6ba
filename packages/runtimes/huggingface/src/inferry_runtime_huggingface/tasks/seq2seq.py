"""Sequence to sequence: a model that reads one text and writes another."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, ClassVar

from inferry.errors import InvalidInput
from inferry_runtime_huggingface.generation import _room
from inferry_runtime_huggingface.generation._encoder_decoder import EncoderDecoder
from inferry_runtime_huggingface.tasks.generation import TextGeneration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.openai import Answerer, Operation
    from inferry_runtime_huggingface.folder import ModelFolder

__all__ = ["Seq2Seq"]

logger = logging.getLogger(__name__)


class Seq2Seq(TextGeneration):
    """Translates, summarises or answers, as the model was trained to."""

    auto_class: ClassVar[str] = "AutoModelForSeq2SeqLM"
    decoder_class: ClassVar[Any] = EncoderDecoder

    def __init__(self) -> None:
        super().__init__()
        self._longest = 0

    def begin(
        self,
        folder: ModelFolder,
        model: Any,  # noqa: ANN401 - any such model
        options: Mapping[str, Any],
    ) -> None:
        """Start the engine; say what of the model's own wishes is not done."""
        super().begin(folder, model, options)
        self._longest = _room.longest(model.config)
        beams = model.generation_config.num_beams or 1
        if beams > 1:
            logger.warning(
                "%s asks for a search with %d beams; the likeliest token is taken "
                "instead",
                folder.path.name,
                beams,
            )

    def operations(
        self, folder: ModelFolder, options: Mapping[str, Any]
    ) -> Mapping[Operation, Answerer]:
        """Return completions alone: such models hold no conversation."""
        found = super().operations(folder, options)
        return {"completions": found["completions"]}

    def token_ids(self, prompt: str) -> tuple[int, ...]:
        """Return the tokens of *prompt*, with the end that the encoder expects.

        Raises:
            InvalidInput: The model has not as many positions.

        """
        ids = super().token_ids(prompt)
        if self._longest and len(ids) > self._longest:
            raise InvalidInput(
                f"the text has {len(ids)} tokens; this model reads {self._longest}"
            )
        return ids
