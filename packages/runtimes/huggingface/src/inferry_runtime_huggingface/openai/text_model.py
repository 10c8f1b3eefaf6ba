"""What chats and completions need of a loaded language model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.runtime import options as reading
from inferry_runtime_huggingface.openai.calls import PARSERS, Parser, parser_for
from inferry_runtime_huggingface.openai.prompts import Prompts
from inferry_runtime_huggingface.openai.templates import ChatTemplate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_runtime_huggingface.generation.engine import Engine

__all__ = ["TextModel"]


class TextModel:
    """An *engine* with its *tokenizer* of transformers.

    *defaults* is ``generation_config.json``, which says how the model likes to be
    sampled; *options* are the model's.

    Raises:
        ModelLoadError: The option ``toolParser`` names none.

    """

    def __init__(
        self,
        engine: Engine,
        tokenizer: Any,  # noqa: ANN401 - of transformers
        *,
        defaults: Mapping[str, Any],
        options: Mapping[str, Any],
    ) -> None:
        self.engine = engine
        self.defaults = defaults
        self.prompts = Prompts(engine, tokenizer)
        self.template = ChatTemplate(tokenizer)
        asked = reading.choice(options, "toolParser", ("auto", *PARSERS))
        known: Mapping[str, Parser] = {parser: parser for parser in PARSERS}
        self.parser = known.get(asked) or parser_for(self.template.text)
