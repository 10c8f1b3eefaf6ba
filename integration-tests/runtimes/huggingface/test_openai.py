"""OpenAI's own client against ``inferry run``, with a model whose words are known."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import httpx
import openai
import pytest
import torch
import transformers
from pydantic import BaseModel, Field
from runtimes.huggingface import parrot
from runtimes.serving import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from running import Running

SERVICES = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: parrot
spec:
  predictor:
    model:
      modelFormat:
        name: huggingface
      protocolVersion: v2
      storageUri: ./parrot
      args: ["--threads=1"]
---
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: legacy
spec:
  predictor:
    huggingface:
      storageUri: ./parrot
      args: ["--threads=1", "--max_model_len=128"]
"""
HI = [{"role": "user", "content": "Hi"}]


class Sum(BaseModel):
    """What an answer is to be."""

    a: Annotated[int, Field(ge=0, le=9)]
    fine: bool


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openai")
    parrot.save(folder / "parrot")
    (folder / "services.yaml").write_text(SERVICES)
    return folder


@pytest.fixture(scope="module")
def running(folder: Path) -> Iterator[Running]:
    with serving(folder, "parrot", "legacy", files=["services.yaml"]) as running:
        yield running


@pytest.fixture
def client(running: Running) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(
        base_url=f"{running.url}/v1", api_key="none", max_retries=0
    ) as client:
        yield client


def chat(client: openai.OpenAI, messages: Any = HI, **more: Any) -> Any:
    """Ask with temperature 0, which is always the same."""
    return client.chat.completions.create(
        model="parrot", messages=messages, temperature=0, **more
    )


def test_models_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["legacy", "parrot"]
    assert client.models.retrieve("parrot").object == "model"


def test_a_chat(client: openai.OpenAI, folder: Path) -> None:
    answer = chat(client)
    (choice,) = answer.choices
    assert choice.message.content == parrot.HELLO
    assert choice.finish_reason == "stop"
    words = transformers.AutoTokenizer.from_pretrained(folder / "parrot")
    prompt = "<|user|>Hi<|end|><|assistant|>"
    assert answer.usage.prompt_tokens == len(words(prompt)["input_ids"])
    written = len(words(parrot.HELLO)["input_ids"])
    assert answer.usage.completion_tokens == written + 1  # the end is one


@pytest.mark.parametrize(
    "base", ["/v1", "/openai/v1", "/serving/default/parrot/openai/v1"]
)
def test_a_stream_keeps_letters_whole(running: Running, base: str) -> None:
    with openai.OpenAI(base_url=running.url + base, api_key="none") as client:
        chunks = list(chat(client, stream=True, stream_options={"include_usage": True}))
    texts = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert "".join(texts) == parrot.HELLO
    assert not any("\ufffd" in text for text in texts)
    assert len(texts) > 10
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens > 10


def test_the_events_are_as_they_must_be(running: Running) -> None:
    body = {"model": "parrot", "messages": HI, "stream": True, "temperature": 0}
    answer = httpx.post(f"{running.url}/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *events, done, end = answer.text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    for event in events:
        assert event.startswith("data: ")
        json.loads(event[6:])


async def test_many_at_a_time_get_their_own_answers(running: Running) -> None:
    async with openai.AsyncOpenAI(
        base_url=f"{running.url}/v1", api_key="none"
    ) as client:

        async def ask(number: int) -> str:
            stream = await client.chat.completions.create(
                model="parrot" if number % 2 else "legacy",
                messages=HI,  # type: ignore[arg-type]  # plain dicts are fine
                temperature=0,
                max_tokens=number + 1,
                stream=True,
            )
            return "".join(
                [chunk.choices[0].delta.content or "" async for chunk in stream]
            )

        answers = await asyncio.gather(*map(ask, range(16)))
    assert all(parrot.HELLO.startswith(answer) for answer in answers)
    assert [len(answer) for answer in answers] == sorted(map(len, answers))


def test_a_tool_is_called_and_its_answer_used(client: openai.OpenAI) -> None:
    choice = chat(client, parrot.ASK, tools=[parrot.TOOL]).choices[0]
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    (call,) = choice.message.tool_calls
    assert call.function.name == "add"
    assert json.loads(call.function.arguments) == {"a": 2, "b": 3}
    answer = chat(client, parrot.ANSWERED, tools=[parrot.TOOL])
    assert answer.choices[0].message.content == "It is 5."


def test_the_stream_helper_gathers_a_call(client: openai.OpenAI) -> None:
    with client.chat.completions.stream(
        model="parrot",
        messages=parrot.ASK,  # type: ignore[arg-type]  # plain dicts are fine
        tools=[parrot.TOOL],  # type: ignore[list-item]  # the same
        temperature=0,
    ) as stream:
        final = stream.get_final_completion()
    (call,) = final.choices[0].message.tool_calls or []
    assert json.loads(call.function.arguments) == {"a": 2, "b": 3}
    assert final.choices[0].finish_reason == "tool_calls"


# With the seed 1 this model goes on calling until its answer is cut off.
@pytest.mark.parametrize("seed", [0, 2, 3])
@pytest.mark.parametrize("stream", [True, False])
def test_a_required_call_fits_its_schema(
    client: openai.OpenAI, seed: int, *, stream: bool
) -> None:
    for choice in ("required", {"type": "function", "function": {"name": "add"}}):
        more: Any = {"tools": [parrot.TOOL], "tool_choice": choice, "seed": seed}
        if stream:
            with client.chat.completions.stream(
                model="parrot", messages=HI, max_tokens=300, temperature=1, **more
            ) as events:
                answer: Any = events.get_final_completion()
        else:
            answer = client.chat.completions.create(
                model="parrot", messages=HI, max_tokens=300, temperature=1, **more
            )
        message = answer.choices[0]
        for call in message.message.tool_calls:
            found = json.loads(call.function.arguments)
            assert found["a"] in range(10)
            assert found["b"] in range(10)
        named = choice != "required"
        assert message.finish_reason == ("stop" if named else "tool_calls")


def test_a_schema_is_kept_to(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="parrot",
        messages=HI,  # type: ignore[arg-type]  # plain dicts are fine
        response_format=Sum,
        temperature=0,
        max_tokens=300,
    )
    assert isinstance(answer.choices[0].message.parsed, Sum)


def test_a_seed_gives_the_same_again(client: openai.OpenAI) -> None:
    def ask(seed: int) -> list[str]:
        answer = client.completions.create(
            model="parrot", prompt="x", seed=seed, n=2, temperature=2, max_tokens=20
        )
        return [choice.text for choice in answer.choices]

    first = ask(1)
    assert ask(1) == first
    assert ask(2) != first
    assert first[0] != first[1]


def test_stop_strings_end_a_text_before_them(client: openai.OpenAI) -> None:
    choice = chat(client, stop=["🎈", "never"]).choices[0]
    assert choice.message.content == "Hello! Grüße 🙂"
    assert choice.finish_reason == "stop"


def test_a_bias_decides(client: openai.OpenAI, folder: Path) -> None:
    words = transformers.AutoTokenizer.from_pretrained(folder / "parrot")
    (token,) = words("Z")["input_ids"]
    answer = chat(client, logit_bias={str(token): 100}, max_tokens=3)
    assert answer.choices[0].message.content == "ZZZ"


def test_log_probabilities_are_the_model_s(client: openai.OpenAI, folder: Path) -> None:
    text = "<|user|>Hi<|end|><|assistant|>Hello!"
    answer = client.completions.create(
        model="parrot", prompt=text, max_tokens=0, echo=True, logprobs=2
    )
    (choice,) = answer.choices
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 0
    words = transformers.AutoTokenizer.from_pretrained(folder / "parrot")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "parrot").eval()
    ids = words(text, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected = model(ids).logits[0].log_softmax(-1)
    assert choice.logprobs is not None
    found = choice.logprobs.token_logprobs or []
    assert found[0] is None
    assert found[1:] == pytest.approx(
        [float(expected[at, token]) for at, token in enumerate(ids[0][1:])], abs=1e-3
    )
    answer = client.completions.create(
        model="parrot", prompt=text, max_tokens=1, logprobs=0, temperature=0
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    likeliest = float(expected[-1].max())
    assert logprobs.token_logprobs == pytest.approx([likeliest], abs=1e-3)


@pytest.mark.parametrize(
    ("more", "error", "param"),
    [
        ({"model": "gpt"}, openai.NotFoundError, "model"),
        ({"temperature": 9}, openai.BadRequestError, "temperature"),
        ({"max_tokens": 10**6}, openai.BadRequestError, "messages"),
        ({"extra_body": {"colour": "red"}}, openai.BadRequestError, "colour"),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "x", "schema": {"type": "nothing"}},
                }
            },
            openai.BadRequestError,
            "response_format",
        ),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
def test_errors_are_those_of_the_client(
    client: openai.OpenAI, more: Any, error: Any, param: str, *, stream: bool
) -> None:
    asked = {"model": "parrot", "messages": HI, "stream": stream, **more}
    with pytest.raises(error) as caught:
        client.chat.completions.create(**asked)
    assert caught.value.param == param
    assert caught.value.body["message"]


def test_a_client_that_leaves_frees_its_place(
    client: openai.OpenAI, running: Running
) -> None:
    more: Any = {"extra_body": {"ignore_eos": True}, "max_tokens": 400}
    for _ in range(3):
        with chat(client, stream=True, **more) as stream:
            next(iter(stream))
    metrics = f"{running.url}/serving/default/parrot/metrics"

    def idle() -> bool | None:
        line = 'inferry_requests_in_flight{protocol="openai"} 0.0'
        return line in httpx.get(metrics).text or None

    running.wait_for(idle, "no request to be left", 20)
    assert 'code="499",model="parrot",protocol="openai"' in httpx.get(metrics).text
