"""``chat/completions``: the next message of a chat."""

from __future__ import annotations

import asyncio
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
from inferry_runtime_huggingface.openai.bodies import Chat
from inferry_runtime_huggingface.openai.calls import reader_for
from inferry_runtime_huggingface.openai.chances import chat_chances
from inferry_runtime_huggingface.openai.drawing import grammar_of, sampling_of
from inferry_runtime_huggingface.openai.fields import integer, read
from inferry_runtime_huggingface.openai.tools import (
    check_tools,
    chosen_name,
    narrowed,
    required_grammar,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from inferry.openai import Answer
    from inferry_runtime_huggingface.generation.engine import (
        Grammar,
        Piece,
        Sampling,
        TokenChance,
    )
    from inferry_runtime_huggingface.openai.calls import Call, Found, Parser, Reader
    from inferry_runtime_huggingface.openai.prompts import Prompt
    from inferry_runtime_huggingface.openai.text_model import TextModel

__all__ = ["Chats"]

_NEWER_NAME = "max_completion_tokens"


class _Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a body comes to; ``choice`` is how a tool is chosen."""

    body: Chat
    choice: str
    parser: Parser
    prompt: Prompt
    asked: list[tuple[Prompt, Sampling]]

    def reader(self) -> Reader:
        """Return what reads one answer."""
        names = {tool.function.name for tool in self.body.tools}
        return reader_for(self.choice, self.parser, names, chosen_name(self.body))

    def finish(self, reason: str | None, *, has_calls: bool) -> str | None:
        """Return why an answer ended, as OpenAI says it."""
        called = has_calls and self.choice != "named"
        return "tool_calls" if reason == "stop" and called else reason


class Chats:
    """Answers ``chat/completions`` with *model*."""

    def __init__(self, model: TextModel) -> None:
        self._model = model

    async def __call__(self, body: Mapping[str, Any]) -> Answer:
        """Return the answer to *body*, or its chunks."""
        plan = await self._plan(read(body, Chat))
        return self._stream(plan) if plan.body.stream else await self._whole(plan)

    async def _plan(self, body: Chat) -> _Plan:
        if not body.messages:
            raise InvalidParameter("'messages' is empty", param="messages")
        integer("n", body.n, 1, 128)
        body = narrowed(body)
        choice = check_tools(body)
        grammar = _grammar(body, choice)
        # A template may loop over whatever a request holds.
        text = await asyncio.to_thread(self._model.template.render, body)
        prompts = self._model.prompts
        prompt, wanted = prompts.fitted(
            await prompts.encode(text, special=body.add_special_tokens),
            _max_tokens(body),
            keep=body.truncate_prompt_tokens,
            param="messages",
        )
        if choice != "none":
            # Some models begin a call with a special token.
            body = msgspec.structs.replace(body, skip_special_tokens=False)
        sampling = sampling_of(
            body,
            max_tokens=wanted,
            vocabulary=prompts.vocabulary,
            defaults=self._model.defaults,
            grammar=grammar,
            logprobs=_looked_at(body),
        )
        return _Plan(
            body=body,
            choice=choice,
            parser=self._model.parser,
            prompt=prompt,
            asked=[(prompt, each) for each in seeded(sampling, body.n)],
        )

    async def _whole(self, plan: _Plan) -> Mapping[str, Any]:
        usage = Usage([plan.prompt])
        found = await gathered(self._model.engine, plan.asked)
        for each in found:
            usage.add(len(each.token_ids), each.cached_tokens)
        head = Head.of("chatcmpl", "chat.completion", plan.body.model)
        choices = [_choice(plan, index, each) for index, each in enumerate(found)]
        return head.chunk(choices, usage=usage.shown())

    async def _stream(self, plan: _Plan) -> AsyncGenerator[Mapping[str, Any], None]:
        head = Head.of("chatcmpl", "chat.completion.chunk", plan.body.model)
        usage = Usage([plan.prompt])
        shown = {"usage": None} if plan.body.with_usage else {}
        options = plan.body.stream_options
        always = options is not None and options.continuous_usage_stats
        writers = [_Writer(plan, index) for index in range(len(plan.asked))]
        async with aclosing(merged(self._model.engine, plan.asked)) as pieces:
            async for index, piece in pieces:
                usage.add(len(piece.token_ids), piece.cached_tokens)
                more = {"usage": usage.shown()} if always else shown
                for choice in writers[index].choices(piece):
                    yield head.chunk([choice], **more)
        if plan.body.with_usage:
            yield head.chunk([], usage=usage.shown())


def _max_tokens(body: Chat) -> int | None:
    name = "max_tokens" if body.max_completion_tokens is None else _NEWER_NAME
    given = getattr(body, name)
    return None if given is None else integer(name, given, 1, 1 << 31)


def _looked_at(body: Chat) -> int | None:
    if body.top_logprobs and not body.logprobs:
        raise InvalidParameter(
            "'top_logprobs' wants 'logprobs' to be true", param="top_logprobs"
        )
    if not body.logprobs:
        return None
    return integer("top_logprobs", body.top_logprobs or 0, 0, 20)


def _grammar(body: Chat, choice: str) -> Grammar | None:
    form, forced = grammar_of(body), required_grammar(body, choice)
    if form is not None and choice != "none":
        raise InvalidParameter(
            "an answer of a given form leaves no room for calls of tools",
            param="response_format",
            remedy="leave one of both out, or set tool_choice to none",
        )
    return forced or form


def _choice(plan: _Plan, index: int, answer: Gathered) -> dict[str, Any]:
    reader = plan.reader()
    first, last = reader.feed(answer.text), reader.end()
    calls = _limited(plan, [*first.calls, *last.calls])
    content = first.content + last.content
    message: dict[str, Any] = {
        "role": "assistant",
        # Blanks around calls are no content.
        "content": content if content.strip() or not calls else None,
        "refusal": None,
    }
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in calls
        ]
    choice = {
        "index": index,
        "message": message,
        "logprobs": _chances(plan, answer.chances),
        "finish_reason": plan.finish(answer.finish_reason, has_calls=bool(calls)),
    }
    if plan.body.return_token_ids:
        choice["token_ids"] = answer.token_ids
    return choice


def _limited(plan: _Plan, calls: list[Call]) -> list[Call]:
    return calls if plan.body.parallel_tool_calls else calls[:1]


def _chances(
    plan: _Plan, chances: list[TokenChance] | tuple[TokenChance, ...]
) -> dict[str, Any] | None:
    body = plan.body
    if not body.logprobs:
        return None
    as_id = body.return_tokens_as_token_ids
    return chat_chances(chances, body.top_logprobs or 0, as_id=as_id)


class _Writer:
    """Makes the deltas of one answer."""

    def __init__(self, plan: _Plan, index: int) -> None:
        self._plan = plan
        self._index = index
        self._reader = plan.reader()
        self._begun = False
        self._calls = 0

    def choices(self, piece: Piece) -> list[dict[str, Any]]:
        """Return what *piece* adds: deltas, perhaps the end."""
        found = [self._reader.feed(piece.text)]
        if piece.finish_reason is not None:
            found.append(self._reader.end())
        deltas = [] if self._begun else [{"role": "assistant", "content": ""}]
        self._begun = True
        for each in found:
            deltas += self._deltas(each)
        if piece.chances and not any("role" not in delta for delta in deltas):
            deltas.append({"content": ""})
        made = [self._made(delta) for delta in deltas]
        if piece.chances:
            made[-1]["logprobs"] = _chances(self._plan, piece.chances)
        if self._plan.body.return_token_ids and made:
            made[-1]["token_ids"] = list(piece.token_ids)
        if piece.finish_reason is not None:
            reason = self._plan.finish(piece.finish_reason, has_calls=self._calls > 0)
            made.append(self._made({}, reason))
        return made

    def _deltas(self, found: Found) -> list[dict[str, Any]]:
        deltas: list[dict[str, Any]] = []
        if found.content and (found.content.strip() or not self._calls):
            deltas.append({"content": found.content})
        for call in found.calls:
            if call.name:
                self._calls += 1
            if self._calls > 1 and not self._plan.body.parallel_tool_calls:
                continue
            deltas.append({"tool_calls": [_called(call, self._calls - 1)]})
        return deltas

    def _made(self, delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        return {
            "index": self._index,
            "delta": delta,
            "logprobs": None,
            "finish_reason": reason,
        }


def _called(call: Call, index: int) -> dict[str, Any]:
    if not call.name:
        return {"index": index, "function": {"arguments": call.arguments}}
    return {
        "index": index,
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }
