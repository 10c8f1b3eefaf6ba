"""The engine: right answers in any company, bounds, and what happens on failure."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import torch

from inferry.errors import InferenceError, InvalidInput, ModelNotReady, Overloaded
from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.generation._decoder import Decoder
from inferry_runtime_huggingface.generation.engine import Grammar, Sampling

if TYPE_CHECKING:
    from collections.abc import Callable

PROMPT = (20, 30, 40, 50, 60)
PROMPTS = [
    tuple(random.Random(size).choices(range(3, 1000), k=size))
    for size in (1, 3, 9, 30, 70, 4, 2)
]


@pytest.mark.parametrize(
    ("kind", "config"),
    [
        ("Llama", {}),
        ("GPT2", {"n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 512}),
        ("Mistral", {"sliding_window": 8}),
        ("Qwen2", {}),
        ("Qwen3", {"head_dim": 16}),
        ("Gemma2", {"sliding_window": 8, "head_dim": 16}),
        ("Phi", {}),
        ("GPTNeoX", {}),
    ],
)
async def test_greedy_answers_are_those_of_transformers_in_any_company(  # noqa: PLR0917 - fixtures
    make: Any, engine: Any, gather: Any, bare: Any, kind: str, config: dict[str, Any]
) -> None:
    """Prompts of other lengths join and leave; each answer is as if it were alone."""
    model = make(kind, **config)
    counts = [6 + 5 * place for place in range(len(PROMPTS))]
    expected = [
        bare(model, each, count) for each, count in zip(PROMPTS, counts, strict=True)
    ]
    decoder = Decoder(model)
    decoder.check()
    made = engine(decoder=decoder, sequences=4, columns=24)

    found = await asyncio.gather(
        *(
            gather(made, [prompt], max_tokens=count)
            for prompt, count in zip(PROMPTS, counts, strict=True)
        )
    )

    assert expected == [each[0].tokens for each in found]


async def until(check: Callable[[], object]) -> None:
    """Wait until *check* says so, not for ever."""
    async with asyncio.timeout(20):
        while not check():  # noqa: ASYNC110 - the engine tells nobody
            await asyncio.sleep(0.001)


async def test_a_newcomer_with_a_longer_prompt_changes_nothing(
    engine: Any, llama: Any, answer: Any, bare: Any
) -> None:
    """Columns that it uncovers are hidden from those who run."""
    made = engine()
    first = asyncio.ensure_future(answer(made, PROMPTS[1], max_tokens=90))
    await until(lambda: made.statistics()["generated_tokens"] >= 20)
    second = await answer(made, PROMPTS[4] * 3, max_tokens=30)

    assert bare(llama, PROMPTS[4] * 3, 30) == second.tokens
    assert bare(llama, PROMPTS[1], 90) == (await first).tokens


async def test_the_same_seed_gives_the_same_answer_in_any_company(
    engine: Any, answer: Any, gather: Any
) -> None:
    """What a row draws depends on its own random numbers alone."""
    made = engine()
    drawn = {"temperature": 1.0, "seed": 5, "top_p": 0.9, "max_tokens": 30}
    alone = await answer(made, PROMPT, **drawn)
    others = gather(made, PROMPTS, temperature=0.7, max_tokens=25)
    together, _ = await asyncio.gather(answer(made, PROMPT, **drawn), others)
    other_seed = await answer(made, PROMPT, **drawn | {"seed": 6})

    assert alone.tokens == together.tokens
    assert alone.tokens != other_seed.tokens


async def test_without_a_seed_answers_differ(engine: Any, gather: Any) -> None:
    """Five draws of thirty tokens are not the same."""
    found = await gather(engine(), [PROMPT] * 5, temperature=1.0, max_tokens=30)

    assert len({tuple(each.tokens) for each in found}) == 5


async def test_an_end_token_stops_and_is_counted(engine: Any, answer: Any) -> None:
    """It is among the tokens, and no part of the text."""
    made = engine()
    free = await answer(made, PROMPT, max_tokens=30)
    bias = {1: 100.0}
    ended = await answer(made, PROMPT, logit_bias=bias, ignore_eos=False)

    assert (free.reason, len(free.tokens)) == ("length", 30)
    assert (ended.reason, ended.tokens, ended.text) == ("stop", [1], "")


async def test_min_tokens_holds_the_end_back(engine: Any, answer: Any) -> None:
    """The end token cannot come before."""
    found = await answer(
        engine(), PROMPT, logit_bias={1: 100.0}, ignore_eos=False, min_tokens=4
    )

    assert (len(found.tokens), found.reason) == (5, "stop")


async def test_a_stop_token_ends_without_its_text(
    engine: Any, answer: Any, words: Any
) -> None:
    """The text ends before it."""
    made = engine()
    free = await answer(made, PROMPT)
    seen = free.tokens
    place = next(at for at in range(3, 12) if seen[at] not in seen[:at])
    found = await answer(made, PROMPT, stop_token_ids=(free.tokens[place],))

    assert (found.reason, found.tokens) == ("stop", free.tokens[: place + 1])
    assert free.text.startswith(found.text)


async def test_a_stop_string_is_found_across_tokens(engine: Any, answer: Any) -> None:
    """Its beginning is held back, so that no piece shows a part of it."""
    made = engine()
    free = await answer(made, PROMPT, max_tokens=40)
    middle = len(free.text) // 2
    stop = free.text[middle : middle + 9]
    found = await answer(made, PROMPT, max_tokens=40, stop=(stop, "never this"))

    assert found.text == free.text[: free.text.index(stop)]
    assert found.reason == "stop"


async def test_length_ends_at_what_the_model_can(engine: Any, answer: Any) -> None:
    """Whatever max_tokens says."""
    found = await answer(engine(length=20), PROMPT, max_tokens=100)

    assert (len(found.tokens), found.reason) == (15, "length")


async def test_whole_answers_come_in_one_piece(engine: Any, answer: Any) -> None:
    """With the same text and tokens."""
    made = engine()
    pieces = await answer(made, PROMPT, max_tokens=20)
    whole = await answer(made, PROMPT, max_tokens=20, whole=True)

    assert len(whole.pieces) == 1
    assert (pieces.text, pieces.tokens) == (whole.text, whole.tokens)


async def test_log_probabilities_are_those_of_the_raw_logits(
    engine: Any, answer: Any, llama: Any, words: Any
) -> None:
    """Of the answer and of the prompt, with the likeliest alternatives."""
    made = engine(columns=3)
    drawn = {"temperature": 0.5, "seed": 1, "presence_penalty": 1.0}
    found = await answer(made, PROMPT, logprobs=3, prompt_logprobs=True, **drawn)

    with torch.inference_mode():
        ids = torch.tensor([[*PROMPT, *found.tokens]])
        logs = llama(ids).logits[0].log_softmax(-1)
    prompt = found.pieces[0].prompt
    everything = [*prompt, *found.chances]
    assert [*PROMPT, *found.tokens] == [each.token_id for each in everything]
    assert all(piece.prompt == () for piece in found.pieces[1:])
    assert prompt[0].logprob == 0
    for place, chance in enumerate(everything[1:]):
        assert logs[place, chance.token_id] == pytest.approx(chance.logprob, abs=1e-3)
        assert logs[place].topk(3).indices.tolist() == [
            each.token_id for each in chance.top
        ]
        assert words.decode([chance.token_id]) == chance.data.decode(errors="replace")


async def test_a_long_answer_does_not_hold_up_a_short_one(
    engine: Any, answer: Any
) -> None:
    """The short one comes later and is there first."""
    made = engine()
    long = asyncio.ensure_future(answer(made, PROMPT, max_tokens=120))
    await until(lambda: made.statistics()["running"])
    await answer(made, PROMPTS[2], max_tokens=3)

    assert not long.done()
    assert len((await long).tokens) == 120


async def test_closing_the_answer_ends_the_work(engine: Any) -> None:
    """Whether it runs or waits still."""
    made = engine(sequences=1)
    wish = Sampling(max_tokens=500, ignore_eos=True)
    answers = [made.generate(PROMPT, wish) for _ in range(3)]
    await anext(answers[0])
    waiting = [asyncio.ensure_future(anext(each)) for each in answers[1:]]
    await until(lambda: made.statistics()["waiting"] == 2)
    for each in waiting:
        each.cancel()
    await answers[0].aclose()
    await until(
        lambda: not (made.statistics()["running"] or made.statistics()["waiting"])
    )

    assert made.statistics()["generated_tokens"] < 500


async def test_too_many_are_refused_at_once(engine: Any, answer: Any) -> None:
    """With the error that clients answer by asking later."""
    made = engine(sequences=1, waiting=1)
    tasks = [asyncio.ensure_future(answer(made, PROMPT, max_tokens=60))]
    await until(lambda: made.statistics()["running"])
    tasks.append(asyncio.ensure_future(answer(made, PROMPT, max_tokens=60)))
    await until(lambda: made.statistics()["waiting"])
    with pytest.raises(Overloaded, match="1 requests wait"):
        await answer(made, PROMPT)

    assert [len(each.tokens) for each in await asyncio.gather(*tasks)] == [60, 60]


@pytest.mark.parametrize(
    ("prompt", "given", "said"),
    [
        ((), {}, "no tokens"),
        ((3,) * 512, {}, "the prompt has 512 tokens"),
        ((3, 1024), {}, "not in 0 to 1023"),
        ((-1,), {}, "not in 0 to 1023"),
        (PROMPT, {"logit_bias": {1024: 1.0}}, "logit_bias is not in 0 to 1023"),
        (PROMPT, {"grammar": Grammar(kind="regex", text="(")}, "cannot be used"),
        (PROMPT, {"grammar": Grammar(kind="json_schema", text="[")}, "json_schema"),
        (PROMPT, {"grammar": Grammar(kind="json_schema", text="x" * 70_000)}, "70000"),
        (PROMPT, {"grammar": Grammar(kind="lark", text="a((")}, "lark cannot be used"),
        (
            PROMPT,
            {"grammar": Grammar(kind="json_schema", text="false")},
            "is an object",
        ),
        (
            PROMPT,
            {"grammar": Grammar(kind="json_schema", text=f'{{"minimum": {2**70}}}')},
            "json_schema cannot be used: minimum is beyond",
        ),
    ],
)
async def test_what_cannot_be_answered_is_refused(
    engine: Any, answer: Any, prompt: Any, given: dict[str, Any], said: str
) -> None:
    """Before anything runs, saying what is wrong."""
    with pytest.raises(InvalidInput, match=said):
        await answer(engine(), prompt, **given)


async def test_keys_and_values_stay_within_their_budget(
    engine: Any, gather: Any
) -> None:
    """As many run as fit to the end of their answers; the others wait."""
    made = engine(cached=100)
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, made.statistics()["running"])
            await asyncio.sleep(0)

    watcher = asyncio.ensure_future(watch())
    found = await gather(made, [PROMPT] * 6, max_tokens=40)
    watcher.cancel()

    assert [len(each.tokens) for each in found] == [40] * 6
    assert most == 2


class Faulty(Decoder):
    """Fails as it is told; *broken* rows get no numbers."""

    def __init__(self, model: Any) -> None:
        super().__init__(model)
        self.failing = 0
        self.broken: tuple[int, ...] = ()
        self.reading = False

    def read(self, prefill: Any, columns: int) -> Any:
        if self.reading:
            raise RuntimeError("no memory\nfor this")
        return super().read(prefill, columns)

    def step(self, tokens: Any) -> Any:
        if self.failing:
            self.failing -= 1
            raise RuntimeError("a kernel failed")
        logits = super().step(tokens)
        if len(tokens) > 1:
            logits[list(self.broken)] = float("nan")
        return logits


async def test_a_row_without_numbers_fails_alone(
    engine: Any, llama: Any, gather: Any, answer: Any, bare: Any
) -> None:
    """Its neighbour's answer is right to the end."""
    decoder = Faulty(llama)
    decoder.broken = (0,)
    made = engine(decoder=decoder)
    results = await asyncio.gather(
        answer(made, PROMPT), answer(made, PROMPTS[2]), return_exceptions=True
    )

    failed, fine = sorted(results, key=lambda each: not isinstance(each, Exception))
    assert isinstance(failed, InferenceError)
    assert "NaN" in str(failed)
    assert fine.tokens in (bare(llama, PROMPT, 12), bare(llama, PROMPTS[2], 12))


async def test_a_prompt_that_cannot_be_read_fails_alone(
    engine: Any, llama: Any, answer: Any
) -> None:
    """Whoever runs goes on."""
    decoder = Faulty(llama)
    made = engine(decoder=decoder)
    running = asyncio.ensure_future(answer(made, PROMPT, max_tokens=90))
    await until(lambda: made.statistics()["running"])
    decoder.reading = True
    with pytest.raises(InferenceError, match="no memory for this"):
        await answer(made, PROMPT)

    assert len((await running).tokens) == 90
    assert made.why_unhealthy == ""


async def test_a_step_that_fails_is_survived(
    engine: Any, llama: Any, answer: Any, bare: Any
) -> None:
    """Those who ran are told, and the next are answered."""
    decoder = Faulty(llama)
    decoder.failing = 1
    made = engine(decoder=decoder)
    with pytest.raises(InferenceError, match="a kernel failed"):
        await answer(made, PROMPT)

    assert bare(llama, PROMPT, 12) == (await answer(made, PROMPT)).tokens
    assert made.why_unhealthy == ""


@pytest.mark.parametrize("place", ["draw", "chances"])
async def test_a_draw_that_fails_leaves_nobody_waiting(
    engine: Any, answer: Any, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Not even those whose prompt has just been read."""

    def fail(*_: object) -> None:
        raise RuntimeError("no luck")

    made = engine()
    module = "inferry_runtime_huggingface.generation._scheduler"
    with monkeypatch.context() as patch:
        patch.setattr(f"{module}.{place}", fail)
        with pytest.raises(InferenceError, match="no luck"):
            async with asyncio.timeout(20):
                await answer(made, PROMPT, logprobs=1)

    assert len((await answer(made, PROMPT)).tokens) == 12


async def test_a_model_that_keeps_failing_is_unhealthy(
    engine: Any, llama: Any, answer: Any
) -> None:
    """It says why, and refuses."""
    decoder = Faulty(llama)
    decoder.failing = 3
    made = engine(decoder=decoder)
    for _ in range(2):
        with pytest.raises(InferenceError):
            await answer(made, PROMPT)
    with pytest.raises(ModelNotReady, match="a kernel failed"):
        await answer(made, PROMPT)
    with pytest.raises(ModelNotReady, match="a kernel failed"):
        await answer(made, PROMPT)

    assert "a kernel failed" in made.why_unhealthy


async def test_closing_the_engine_fails_what_runs_and_waits(
    engine: Any, answer: Any
) -> None:
    """Nobody waits for ever."""
    made = engine(sequences=1)
    tasks = [
        asyncio.ensure_future(answer(made, PROMPT, max_tokens=500)) for _ in range(3)
    ]
    await until(lambda: made.statistics()["waiting"] == 2)
    await asyncio.to_thread(made.close)
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert all(isinstance(each, ModelNotReady) for each in results)
    with pytest.raises(ModelNotReady):
        await answer(made, PROMPT)


async def test_counts_are_true(engine: Any, gather: Any) -> None:
    """Padding is not counted."""
    made = engine()
    await gather(made, PROMPTS, max_tokens=5)
    counts = made.statistics()

    assert sum(map(len, PROMPTS)) == counts["prompt_tokens"]
    assert 5 * len(PROMPTS) == counts["generated_tokens"]
    assert (counts["running"], counts["waiting"], counts["cached_tokens"]) == (0, 0, 0)


async def test_times_of_tokens_are_counted_once_an_answer(
    engine: Any, gather: Any
) -> None:
    """An answer of one token has no further ones."""
    made = engine()
    await gather(made, PROMPTS, max_tokens=5)
    await gather(made, PROMPTS[:1], max_tokens=1)
    told = made.generation()

    assert sum(told.first_token.counts) == len(PROMPTS) + 1
    assert sum(told.token.counts) == len(PROMPTS)
    assert told.first_token.sum > 0
    assert told.token.sum > 0
    assert told.generated_tokens == 5 * len(PROMPTS) + 1
    assert told.cached_tokens_limit > 0


async def test_waiting_belongs_to_the_time_until_the_first_token(
    engine: Any, gather: Any
) -> None:
    """One after the other, the last waits for all before it."""
    made = engine(sequences=1)
    before = time.monotonic()
    await gather(made, [PROMPT] * 3, max_tokens=40)
    took = time.monotonic() - before
    told = made.generation()

    assert told.first_token.sum > took / 2
    assert told.token.sum * 39 < took


class Part(msgspec.Struct, forbid_unknown_fields=True):
    name: str
    size: float | None
    tags: list[str]


class Whole(msgspec.Struct, forbid_unknown_fields=True):
    id: int
    kind: bool
    part: Part
    parts: tuple[Part, int]
    either: int | str


SCHEMAS: list[Any] = [int, str, list[int], dict[str, float], Part, Whole, list[Part]]


@pytest.mark.parametrize("shape", SCHEMAS, ids=str)
async def test_random_weights_follow_any_schema(
    engine: Any, answer: Any, words: Any, shape: Any
) -> None:
    """Every answer that is complete is JSON of the schema; the others are cut off."""
    made = engine()
    bias = {words.convert_tokens_to_ids(each): 15.0 for each in '"}],'}
    text = json.dumps(msgspec.json.schema(shape))
    grammar = Grammar(kind="json_schema", text=text)
    # What closes is made likelier, for shorter texts.
    found = await asyncio.gather(
        *(
            answer(
                made,
                PROMPT,
                temperature=2.0,
                seed=seed,
                grammar=grammar,
                max_tokens=250,
                ignore_eos=False,
                logit_bias=bias,
            )
            for seed in range(12)
        )
    )

    complete = [each for each in found if each.reason == "stop"]
    assert complete
    for each in complete:
        msgspec.json.decode(each.text, type=shape)
    assert all(len(each.tokens) == 250 for each in found if each.reason == "length")


async def test_blanks_between_parts_of_json_are_few(engine: Any, answer: Any) -> None:
    """A model that likes blanks most of all gets to the end."""
    blanks = dict.fromkeys(range(1024), 0.0)
    made = engine()
    for token in blanks:
        text = made.vocabulary.text([token], skip_special=False)
        blanks[token] = 50.0 if text and not text.strip() else 0.0
    schema = {
        "type": "object",
        "properties": {name: {"type": "boolean"} for name in "abcdefgh"},
        "required": list("abcdefgh"),
        "additionalProperties": False,
    }
    found = await answer(
        made,
        PROMPT,
        grammar=Grammar(kind="json_schema", text=json.dumps(schema)),
        max_tokens=450,
        logit_bias={token: bias for token, bias in blanks.items() if bias},
        ignore_eos=False,
    )

    assert found.reason == "stop"
    assert len(found.text) < 8 * 2 * 40


async def test_an_error_of_a_grammar_names_its_field(engine: Any, answer: Any) -> None:
    """Where it has one."""
    grammar = Grammar(kind="regex", text="(", param="guided_regex")
    with pytest.raises(InvalidParameter) as caught:
        await answer(engine(), PROMPT, grammar=grammar)
    assert caught.value.param == "guided_regex"


async def test_a_regular_expression_is_met(engine: Any, gather: Any) -> None:
    """Greedy or drawn, beside answers that are free."""
    made = engine()
    grammar = Grammar(kind="regex", text="[0-9]{3}-(yes|no)")
    bound, free = await asyncio.gather(
        gather(made, PROMPTS, grammar=grammar), gather(made, PROMPTS, max_tokens=12)
    )

    assert all(each.reason == "stop" for each in bound)
    assert all(each.text[4:] in ("yes", "no") for each in bound)
    assert all(len(each.tokens) == 12 for each in free)


async def test_any_json_is_an_object_or_another_value(engine: Any, answer: Any) -> None:
    """The empty schema."""
    found = await answer(
        engine(),
        PROMPT,
        grammar=Grammar(kind="json_schema", text='{"type": "object"}'),
        max_tokens=60,
        temperature=1.0,
        seed=3,
    )
    with contextlib.suppress(json.JSONDecodeError):
        assert isinstance(json.loads(found.text), dict)
    assert found.text.startswith("{")
