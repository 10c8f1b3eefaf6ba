"""Grammars that an answer must follow, compiled and applied with llguidance."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import llguidance
import torch
from llguidance import hf

from inferry.errors import InferenceError, InvalidInput, one_line
from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.generation._schema import followed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inferry_runtime_huggingface.generation.engine import Grammar

_LONGEST = 64 << 10
_KEPT = 64
_LIMITS = {
    "initial_lexer_fuel": 1_000_000,
    "step_lexer_fuel": 100_000,
    "step_max_items": 20_000,
    "max_lexer_states": 20_000,
    "max_grammar_size": 100_000,
    "verbose_errors": False,
}
# Between the parts of JSON: without a bound weak models write blanks to the end.
_BLANK = r"(\n[ \t]{0,32}| )?"
# What pydantic writes for unions is oneOf, which is met as anyOf.
_JSON = {"whitespace_pattern": _BLANK, "coerce_one_of": True}
_BITS = torch.arange(32, dtype=torch.int32)


class Grammars:
    """Compiles grammars on a thread of its own and keeps the last ones."""

    def __init__(self, tokenizer: Any, size: int, ends: Iterable[int]) -> None:  # noqa: ANN401 - a tokenizer of transformers
        self._size = size
        self._why_not = ""
        try:
            self._tokenizer = hf.from_tokenizer(
                tokenizer, n_vocab=size, eos_token=sorted(ends) or None
            )
        except Exception as error:  # noqa: BLE001 - only grammars are missing then
            self._why_not = one_line(error)
        self._limits = llguidance.LLParserLimits(**_LIMITS)
        self._compiled: dict[Grammar, llguidance.LLMatcher] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="grammars")

    async def matcher(self, grammar: Grammar) -> Matcher:
        """Return what keeps an answer to *grammar*.

        Raises:
            InvalidInput: It is too long, too complex, or none.

        """
        if self._why_not:
            raise _refusal(
                grammar, f"this model's tokenizer has no grammars: {self._why_not}"
            )
        if len(grammar.text) > _LONGEST:
            raise _refusal(
                grammar,
                f"the {grammar.kind} has {len(grammar.text)} characters, "
                f"at most {_LONGEST} are taken",
            )
        found = self._compiled.get(grammar)
        if found is None:
            loop = asyncio.get_running_loop()
            made = await loop.run_in_executor(self._thread, self._compile, grammar)
            if len(self._compiled) >= _KEPT:
                self._compiled.pop(next(iter(self._compiled)))
            self._compiled[grammar] = found = made
        return Matcher(found.deep_copy(), self._size)

    def _compile(self, grammar: Grammar) -> llguidance.LLMatcher:
        try:
            text = _spelt(grammar)
        except InvalidInput as error:
            raise _refusal(
                grammar, f"the {grammar.kind} cannot be used: {error.message}"
            ) from None
        except (ValueError, RecursionError) as error:
            raise _refusal(
                grammar, f"the {grammar.kind} is none: {one_line(error)}"
            ) from None
        made = llguidance.LLMatcher(
            self._tokenizer, text, log_level=0, limits=self._limits
        )
        if not made.is_error():
            made.compute_bitmask()
        if made.is_error():
            why = _reason(made)
            raise _refusal(grammar, f"the {grammar.kind} cannot be used: {why}")
        return made

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)


class Matcher:
    """How far one answer has come in its grammar."""

    def __init__(self, matcher: llguidance.LLMatcher, size: int) -> None:
        self._matcher = matcher
        self._bits = torch.zeros((size + 31) // 32, dtype=torch.int32)

    def allowed(self) -> torch.Tensor:
        """Return a bit for each token, in words of 32, that says it may come next.

        Raises:
            InferenceError: The grammar became too complex.

        """
        self._matcher.unsafe_compute_mask_ptr(
            self._bits.data_ptr(), self._bits.numel() * self._bits.element_size()
        )
        if self._matcher.is_error():
            raise InferenceError(f"the grammar failed: {_reason(self._matcher)}")
        return self._bits

    def accept(self, token_id: int) -> bool:
        """Take *token_id*; return whether the answer is complete with it.

        Raises:
            InferenceError: The grammar does not allow it, or became too complex.

        """
        if not self._matcher.consume_token(token_id):
            raise InferenceError(f"the grammar failed: {_reason(self._matcher)}")
        stopped: bool = self._matcher.is_stopped()
        return stopped


def _refusal(grammar: Grammar, text: str) -> InvalidInput:
    return (
        InvalidParameter(text, param=grammar.param)
        if grammar.param
        else (InvalidInput(text))
    )


def _reason(matcher: llguidance.LLMatcher) -> str:
    text = matcher.get_error().partition("<non-verbose/>")[0]
    return " ".join(text.split())[:300]


def unpacked(words: Sequence[torch.Tensor], size: int) -> torch.Tensor:
    """Return the bits of `Matcher.allowed` as booleans ``[rows, size]``."""
    bits = (torch.stack(list(words))[:, :, None] >> _BITS) & 1
    return bits.reshape(len(words), -1)[:, :size].bool()


def _spelt(grammar: Grammar) -> str:
    matcher = llguidance.LLMatcher
    spelt: str
    if grammar.kind == "json_schema":
        schema = json.dumps(followed(_schema(grammar.text)))
        spelt = matcher.grammar_from_json_schema(schema, overrides=_JSON)
    elif grammar.kind == "regex":
        spelt = matcher.grammar_from_regex(grammar.text)
    else:
        spelt = matcher.grammar_from_lark(grammar.text)
    return spelt


def _schema(text: str) -> dict[str, Any]:
    schema = json.loads(text)
    if schema is True:
        return {}
    if not isinstance(schema, dict):
        raise InvalidInput("a schema that can be met is an object, or true")
    return schema
