"""``completions``: texts that go on from prompts.

Source: OpenAI's API reference and vLLM for ``echo`` with ``max_tokens`` 0.
"""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.openai.answers import (
    Gathered,
    Head,
    Usage,
    gathered,
    merged,
    seeded,
)
from inferry_runtime_huggingface.openai.bodies import Completion
from inferry_runtime_huggingface.openai.chances import completion_chances, token_text
from inferry_runtime_huggingface.openai.drawing import grammar_of, sampling_of
from inferry_runtime_huggingface.openai.fields import integer, read
from inferry_runtime_huggingface.openai.prompts import parted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from inferry.openai import Answer
    from inferry_runtime_huggingface.generation.engine import Piece, Sampling
    from inferry_runtime_huggingface.openai.prompts import Prompt
    from inferry_runtime_huggingface.openai.text_model import TextModel

__all__ = ["Completions"]

#: Answers that one request may ask for.
_MOST = 256


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a body comes to: one entry of ``asked`` for each answer."""

    body: Completion
    head: Head
    prompts: list[Prompt]
    asked: list[tuple[Prompt, Sampling]]
    drawn: int
    echoes: tuple[str, ...]

    @property
    def only_echoes(self) -> bool:
        """Whether nothing is to be written, and the prompt is to be looked at."""
        return self.body.max_tokens == 0


class Completions:
    """Answers ``completions`` with *model*."""

    def __init__(self, model: TextModel) -> None:
        self._model = model

    async def __call__(self, body: Mapping[str, Any]) -> Answer:
        """Return the answer to *body*, or its chunks."""
        plan = await self._plan(read(body, Completion))
        return self._stream(plan) if plan.body.stream else await self._whole(plan)

    async def _plan(self, body: Completion) -> _Plan:
        integer("n", body.n, 1, 128)
        integer("max_tokens", body.max_tokens, 0 if body.echo else 1, 1 << 31)
        drawn = body.n if body.best_of is None else body.best_of
        if drawn < body.n or (drawn > body.n and body.stream):
            what = "a stream has no best ones" if body.stream else f"'n' is {body.n}"
            raise InvalidParameter(f"'best_of' is {drawn} and {what}", param="best_of")
        prompts = self._model.prompts
        found = await prompts.read(body.prompt, special=body.add_special_tokens)
        if len(found) * drawn > _MOST:
            raise InvalidParameter(
                f"{len(found)} prompts with {drawn} answers each are asked for, at "
                f"most {_MOST} answers are given",
                param="n",
            )
        grammar = grammar_of(body)
        asked: list[tuple[Prompt, Sampling]] = []
        fitted, echoes = [], []
        for given, prompt in zip(parted(body.prompt), found, strict=True):
            kept, wanted = prompts.fitted(
                prompt,
                max(body.max_tokens, 1),
                keep=body.truncate_prompt_tokens,
                param="prompt",
            )
            fitted.append(kept)
            echoes.append(self._echo(body, given, whole=kept == prompt, kept=kept))
            sampling = sampling_of(
                body,
                max_tokens=wanted,
                vocabulary=prompts.vocabulary,
                defaults=self._model.defaults,
                grammar=grammar,
                logprobs=self._looked_at(body, drawn),
                prompt_logprobs=body.echo and body.logprobs is not None,
            )
            asked += [(kept, each) for each in seeded(sampling, drawn)]
        return _Plan(
            body=body,
            head=Head.of("cmpl", "text_completion", body.model),
            prompts=fitted,
            asked=asked,
            drawn=drawn,
            echoes=tuple(echoes),
        )

    def _echo(
        self, body: Completion, given: object, *, whole: bool, kept: Prompt
    ) -> str:
        """Return what an answer begins with: a text as it was given, or its tokens."""
        if not body.echo:
            return ""
        if isinstance(given, str) and whole:
            return given
        return self._model.prompts.decode(kept)

    def _looked_at(self, body: Completion, drawn: int) -> int | None:
        """Return which log probabilities are needed, be it to find the best."""
        return 0 if body.logprobs is None and drawn > body.n else body.logprobs

    async def _whole(self, plan: _Plan) -> Mapping[str, Any]:
        usage = Usage(plan.prompts)
        found = await gathered(self._model.engine, plan.asked)
        if not plan.only_echoes:
            for each in found:
                usage.add(len(each.token_ids), each.cached_tokens)
        choices: list[dict[str, Any]] = []
        for place, echo in enumerate(plan.echoes):
            own = found[place * plan.drawn : (place + 1) * plan.drawn]
            if plan.drawn > plan.body.n:
                own.sort(key=_mean, reverse=True)
            choices += [
                _choice(plan, len(choices) + number, each, echo)
                for number, each in enumerate(own[: plan.body.n])
            ]
        return plan.head.chunk(choices, usage=usage.shown())

    async def _stream(self, plan: _Plan) -> AsyncGenerator[Mapping[str, Any], None]:
        usage = Usage(plan.prompts)
        shown = {"usage": None} if plan.body.with_usage else {}
        options = plan.body.stream_options
        always = options is not None and options.continuous_usage_stats
        writers = [
            _Writer(plan, place, plan.echoes[place // plan.drawn])
            for place in range(len(plan.asked))
        ]
        async with aclosing(merged(self._model.engine, plan.asked)) as pieces:
            async for place, piece in pieces:
                if not plan.only_echoes:
                    usage.add(len(piece.token_ids), piece.cached_tokens)
                choice = writers[place].choice(piece)
                if choice is not None:
                    more = {"usage": usage.shown()} if always else shown
                    yield plan.head.chunk([choice], **more)
        if plan.body.with_usage:
            yield plan.head.chunk([], usage=usage.shown())


def _mean(answer: Gathered) -> float:
    chances = answer.chances
    return sum(each.logprob for each in chances) / max(len(chances), 1)


def _choice(plan: _Plan, index: int, answer: Gathered, echo: str) -> dict[str, Any]:
    whole = _Writer(plan, index, echo)
    chances = (*answer.prompt, *(() if plan.only_echoes else answer.chances))
    text = echo if plan.only_echoes else echo + answer.text
    finish = "length" if plan.only_echoes else answer.finish_reason
    return whole.made(text, chances, answer.token_ids, finish, bool(answer.prompt))


class _Writer:
    """Makes the choices of one answer; knows where in its text it is."""

    def __init__(self, plan: _Plan, index: int, echo: str) -> None:
        self._body = plan.body
        self._only_echoes = plan.only_echoes
        self._index = index
        self._echo = echo
        self._offset = 0

    def choice(self, piece: Piece) -> dict[str, Any] | None:
        """Return what *piece* adds; None where it shows nothing."""
        echo, self._echo = self._echo, ""
        text, chances = piece.text, piece.chances
        ids, finish = piece.token_ids, piece.finish_reason
        if self._only_echoes:
            if not echo:
                return None
            text, chances, ids, finish = "", (), (), "length"
        if not (echo or text or chances or finish or piece.prompt):
            return None
        return self.made(
            echo + text, (*piece.prompt, *chances), ids, finish, bool(piece.prompt)
        )

    def made(
        self,
        text: str,
        chances: tuple[Any, ...],
        ids: Any,  # noqa: ANN401 - a sequence of token ids
        finish: str | None,
        from_start: bool,  # noqa: FBT001 - said at each call
    ) -> dict[str, Any]:
        """Return a choice with *text*, which follows on the last."""
        body = self._body
        logprobs = None
        if body.logprobs is not None:
            as_id = body.return_tokens_as_token_ids
            logprobs = completion_chances(
                chances,
                body.logprobs,
                as_id=as_id,
                offset=self._offset,
                from_start=from_start,
            )
            self._offset += sum(len(token_text(c, as_id=as_id)) for c in chances)
        made: dict[str, Any] = {
            "index": self._index,
            "text": text,
            "logprobs": logprobs,
            "finish_reason": finish,
        }
        if body.return_token_ids:
            made["token_ids"] = list(ids)
        return made
