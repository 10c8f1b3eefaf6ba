"""Text generation: a causal language model behind the engine."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, ClassVar

from inferry.errors import InvalidInput, ModelLoadError, ModelNotReady, one_line
from inferry.generation import Generation
from inferry.runtime import options as reading
from inferry.status import Reason
from inferry_runtime_huggingface import _loading
from inferry_runtime_huggingface.generation import _room
from inferry_runtime_huggingface.generation._decoder import Decoder
from inferry_runtime_huggingface.generation.batched import BatchedEngine, Limits
from inferry_runtime_huggingface.openai.operations import text_operations
from inferry_runtime_huggingface.tasks import written
from inferry_runtime_huggingface.tasks.asked import Asked, asked, defaults_of
from inferry_runtime_huggingface.tasks.written import Written

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from inferry.model import InferRequest, InferResponse, ModelMetadata
    from inferry.openai import Answerer, Operation
    from inferry_runtime_huggingface.folder import ModelFolder
    from inferry_runtime_huggingface.generation._prefill import Steps
    from inferry_runtime_huggingface.generation.engine import Sampling

__all__ = ["TextGeneration"]

_SEQUENCES = 32
_WAITING = 256
_COLUMNS = 512


class TextGeneration:
    """Continues texts; requests are generated together and stream as they come."""

    batching = False
    auto_class: ClassVar[str] = "AutoModelForCausalLM"
    decoder_class: ClassVar[Any] = Decoder

    def __init__(self) -> None:
        self.engine: BatchedEngine | None = None
        self.tokenizer: Any = None
        #: How answers are drawn where a request does not say.
        self.defaults: Mapping[str, Any] = {}
        self.memory = 0
        self.max_concurrency = _SEQUENCES
        self.openai: Mapping[Operation, Answerer] = {}

    def load(self, folder: ModelFolder, options: Mapping[str, Any]) -> None:
        """Load model and tokenizer and start the engine.

        Raises:
            ModelLoadError: With the reason and what to do.

        """
        self.tokenizer = _loading.load_tokenizer(folder)
        device = str(options.get("device") or "cpu")
        # On a CPU, eager attention is nearly twice as fast as the fused one.
        more = {"attn_implementation": "eager"} if device == "cpu" else {}
        model = _loading.load_model(folder, options, self.auto_class, **more)
        self.defaults = defaults_of(model.generation_config)
        self.memory = _loading.memory_of(model)
        self.begin(folder, model, options)
        self.openai = self.operations(folder, options)

    def begin(
        self,
        folder: ModelFolder,
        model: Any,  # noqa: ANN401 - of any architecture
        options: Mapping[str, Any],
    ) -> None:
        """Start the engine for *model*.

        Raises:
            ModelLoadError: The model cannot generate, or an option cannot be used.

        """
        decoder = _checked(folder, self.decoder_class, model)
        limits = _limits(options, model, decoder)
        self.engine = BatchedEngine(
            decoder, self.tokenizer, limits, ends=_ends(model, self.tokenizer)
        )
        self.max_concurrency = limits.sequences + limits.waiting

    def operations(
        self, folder: ModelFolder, options: Mapping[str, Any]
    ) -> Mapping[Operation, Answerer]:
        """Return what it answers of OpenAI's API.

        Raises:
            ModelLoadError: An option cannot be used.

        """
        assert self.engine is not None  # noqa: S101 - it has begun
        return text_operations(
            self.engine,
            self.tokenizer,
            defaults=folder.document("generation_config.json"),
            options=options,
        )

    @property
    def why_unhealthy(self) -> str:
        """What keeps it from answering; empty while nothing does."""
        return self.engine.why_unhealthy if self.engine is not None else ""

    @property
    def generation(self) -> Generation:
        """What it generates and has generated."""
        return self.engine.generation() if self.engine is not None else Generation()

    def metrics(self) -> Mapping[str, float]:
        """Return what runs, waits and was generated."""
        return self.engine.statistics() if self.engine is not None else {}

    def metadata(self) -> ModelMetadata:
        """Return ``text_input`` and ``text_output``, and what can be named besides."""
        return written.metadata()

    def warm_up(self) -> InferRequest:
        """Return a request for two tokens."""
        return written.warm_up()

    async def predict(self, request: InferRequest) -> InferResponse:
        """Continue every text of *request*.

        Raises:
            InvalidInput: A text is too long, or a parameter not as it must be.
            Overloaded: Too many wait already.

        """
        wish = asked(request, self.defaults, whole=True)
        tasks = [
            asyncio.ensure_future(self._answer(prompt, wish)) for prompt in wish.prompts
        ]
        try:
            answers = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        return written.response(answers, request.outputs)

    async def stream(
        self, request: InferRequest
    ) -> AsyncGenerator[InferResponse, None]:
        """Yield the continuation of the one text of *request*, piece by piece.

        Raises:
            InvalidInput: As of `predict`, or there are several texts.

        """
        wish = asked(request, self.defaults, whole=False)
        if len(wish.prompts) != 1:
            raise InvalidInput(
                f"one text can be streamed, not {len(wish.prompts)}; ask for each"
            )
        pieces = self._pieces(wish.prompts[0], wish)
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                yield written.response([piece], request.outputs)

    async def _answer(self, prompt: str, wish: Asked) -> Written:
        text, last = "", None
        pieces = self._pieces(prompt, wish)
        async with contextlib.aclosing(pieces):
            async for piece in pieces:
                text += piece.text
                last = piece
        assert last is not None  # noqa: S101 - an answer has at least one piece
        return Written(
            text=text,
            prompt_tokens=last.prompt_tokens,
            completion_tokens=last.completion_tokens,
            finish_reason=last.finish_reason,
        )

    async def _pieces(self, prompt: str, wish: Asked) -> AsyncGenerator[Written, None]:
        if self.engine is None:
            raise ModelNotReady("the model is not loaded")
        ids = self.token_ids(prompt)
        sampling = _within(wish.sampling, self.engine.max_length - len(ids))
        count = 0
        before = prompt if wish.echo else ""
        answer = self.engine.generate(ids, sampling)
        async with contextlib.aclosing(answer):
            async for piece in answer:
                count += len(piece.token_ids)
                yield Written(
                    text=before + piece.text,
                    prompt_tokens=len(ids),
                    completion_tokens=count,
                    finish_reason=piece.finish_reason,
                )
                before = ""

    def token_ids(self, prompt: str) -> tuple[int, ...]:
        """Return the tokens of *prompt*; of no text, the one that begins texts."""
        ids = tuple(self.tokenizer.encode(prompt))
        if ids:
            return ids
        first = self.tokenizer.bos_token_id
        if first is None:
            first = self.tokenizer.eos_token_id
        return () if first is None else (int(first),)

    def unload(self) -> None:
        """Stop the engine and free the model."""
        engine, self.engine = self.engine, None
        if engine is not None:
            engine.close()
        self.tokenizer = None


def _within(sampling: Sampling, room: int) -> Sampling:
    """Refuse fewer tokens than are asked for at least."""
    if 0 < room < sampling.min_tokens:
        raise InvalidInput(
            f"parameter 'min_tokens' is {sampling.min_tokens}, and there is room for "
            f"{room} after the prompt"
        )
    return sampling


def _checked(folder: ModelFolder, kind: Any, model: Any) -> Steps:  # noqa: ANN401 - a class, a model
    try:
        decoder = kind(model)
        decoder.check()
    except Exception as error:
        raise ModelLoadError(
            f"{type(model).__name__} in {folder.path} cannot generate for several "
            f"requests at once: {one_line(error)}",
            reason=Reason.ModelLoadFailed,
            remedy="use a model whose layers are attention, with keys and values",
        ) from error
    checked: Steps = decoder
    return checked


def _limits(options: Mapping[str, Any], model: Any, decoder: Steps) -> Limits:  # noqa: ANN401 - as above
    longest = _room.longest(model.config)
    asked_length = reading.count(options, "maxLength", 0) or reading.count(
        options, "maxModelLen", 0
    )
    if longest and asked_length > longest:
        raise ModelLoadError(
            f"option maxLength is {asked_length}, and the model has positions for "
            f"{longest}",
            remedy=f"use at most {longest}, or 0",
        )
    length = asked_length or longest or _room.UNKNOWN
    if not decoder.continues:
        length *= 2  # of what is read, and of what is written
    sequences = reading.count(options, "maxSequences", _SEQUENCES)
    room = reading.count(options, "cacheMiB", 0) << 20 or _room.available(model.device)
    tokens = room // max(decoder.bytes_per_token, 1)
    return Limits(
        length=max(2, min(length, tokens)),
        sequences=sequences,
        waiting=reading.count(options, "maxWaiting", _WAITING),
        cached=max(2, min(tokens, length * sequences)),
        columns=reading.count(options, "prefillTokens", _COLUMNS),
    )


def _ends(model: Any, tokenizer: Any) -> frozenset[int]:  # noqa: ANN401 - as above
    """Return the tokens that end an answer, as the model and the tokenizer say."""
    found: set[Any] = set()
    for each in (
        model.generation_config.eos_token_id,
        getattr(model.config, "eos_token_id", None),
        tokenizer.eos_token_id,
    ):
        found.update(each if isinstance(each, (list, tuple)) else [each])
    return frozenset(found - {None})
