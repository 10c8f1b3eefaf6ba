"""Completions: prompts of all kinds, echo, the best of several."""

from __future__ import annotations

from typing import Any

import pytest

from inferry.openai import InvalidParameter


async def test_a_whole_answer(scripted: Any) -> None:
    answer = await scripted("ho ho ho").complete("hi", max_tokens=5)
    assert answer["id"].startswith("cmpl-")
    assert answer["object"] == "text_completion"
    assert answer["choices"] == [
        {"index": 0, "text": "ho ho", "logprobs": None, "finish_reason": "length"}
    ]
    assert answer["usage"]["prompt_tokens"] == 2
    assert answer["usage"]["completion_tokens"] == 5


async def test_sixteen_tokens_are_the_default(scripted: Any) -> None:
    answer = await scripted("x" * 99).complete()
    assert answer["usage"]["completion_tokens"] == 16


async def test_a_stream(scripted: Any) -> None:
    chunks = await scripted("abcdefg").complete(
        stream=True, stream_options={"include_usage": True}
    )
    choices = [chunk["choices"][0] for chunk in chunks[:-1]]
    assert [choice["text"] for choice in choices] == ["abc", "def", "g", ""]
    assert [choice["finish_reason"] for choice in choices] == [None] * 3 + ["stop"]
    assert chunks[-1]["usage"]["total_tokens"] == 9


@pytest.mark.parametrize(
    ("prompt", "prompts"),
    [
        ("ab", ["ab"]),
        (["ab", "cd"], ["ab", "cd"]),
        ([97, 98], ["ab"]),
        ([[97], [98, 99]], ["a", "bc"]),
    ],
)
async def test_prompts_of_all_kinds(
    scripted: Any, prompt: Any, prompts: list[str]
) -> None:
    asking = scripted(*"12345")
    answer = await asking.complete(prompt, n=2)
    assert asking.engine.prompts == [each for each in prompts for _ in range(2)]
    assert [choice["index"] for choice in answer["choices"]] == list(
        range(2 * len(prompts))
    )
    assert answer["usage"]["prompt_tokens"] == sum(map(len, prompts))


@pytest.mark.parametrize("stream", [True, False])
async def test_an_echo_begins_with_the_prompt(scripted: Any, *, stream: bool) -> None:
    answer = await scripted("cd").complete("ab", echo=True, logprobs=1, stream=stream)
    choices = [
        c for chunk in (answer if stream else [answer]) for c in chunk["choices"]
    ]
    assert "".join(choice["text"] for choice in choices) == "abcd"
    tokens: list[Any] = []
    offsets: list[Any] = []
    chances: list[Any] = []
    for choice in choices:
        tokens += choice["logprobs"]["tokens"]
        offsets += choice["logprobs"]["text_offset"]
        chances += choice["logprobs"]["token_logprobs"]
    assert tokens == list("abcd")
    assert offsets == [0, 1, 2, 3]
    assert chances == [None, -0.98, -0.99, -1.0]


@pytest.mark.parametrize("stream", [True, False])
async def test_an_echo_alone_looks_at_the_prompt(
    scripted: Any, *, stream: bool
) -> None:
    answer = await scripted("cd").complete(
        "ab", echo=True, logprobs=0, max_tokens=0, stream=stream
    )
    (choice,) = (answer[0] if stream else answer)["choices"]
    assert choice["text"] == "ab"
    assert choice["finish_reason"] == "length"
    assert choice["logprobs"]["tokens"] == ["a", "b"]
    if not stream:
        assert answer["usage"]["completion_tokens"] == 0


@pytest.mark.parametrize(
    ("prompt", "more", "texts"),
    [
        ("aŁ", {}, ["aŁ"]),  # as it was given, not as its tokens read: "a?"
        (["aŁ", "b"], {}, ["aŁ", "b"]),
        ([97, 98], {}, ["ab"]),
        ([[97], [98, 99]], {}, ["a", "bc"]),
        ("ab", {"truncate_prompt_tokens": 1}, ["b"]),
    ],
)
async def test_an_echo_is_what_was_given(
    scripted: Any, prompt: Any, more: dict[str, Any], texts: list[str]
) -> None:
    answer = await scripted("!", "!").complete(prompt, echo=True, **more)
    said = [choice["text"] for choice in answer["choices"]]
    assert said == [f"{each}!" for each in texts]


async def test_log_probabilities_are_by_text(scripted: Any) -> None:
    answer = await scripted("ab").complete(logprobs=2)
    assert answer["choices"][0]["logprobs"] == {
        "tokens": ["a", "b"],
        "token_logprobs": [-0.97, -0.98],
        "top_logprobs": [{"a": -0.97, "!": -9999.0}, {"b": -0.98, "!": -9999.0}],
        "text_offset": [0, 1],
    }


async def test_the_best_of_several_is_the_likeliest(scripted: Any) -> None:
    answer = await scripted("zz", "aa", "mm").complete(best_of=3, n=2)
    assert [choice["text"] for choice in answer["choices"]] == ["aa", "mm"]
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    assert answer["choices"][0]["logprobs"] is None
    assert answer["usage"]["completion_tokens"] == 6


async def test_the_form_of_a_completion_is_a_grammar(scripted: Any) -> None:
    asking = scripted()
    await asking.complete(response_format={"type": "json_object"})
    assert asking.engine.samplings[0].grammar.kind == "json_schema"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": [""]}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": [1.5]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": [256]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": [[1], "a", {}]}, "prompt"),
        ({"prompt": ["a"] * 300}, "prompt"),
        ({"prompt": ["a"] * 200, "n": 2}, "n"),
        ({"suffix": "x"}, "suffix"),
        ({"best_of": 1, "n": 2}, "best_of"),
        ({"best_of": 3, "stream": True}, "best_of"),
        ({"logprobs": 21}, "logprobs"),
        ({"logprobs": True}, "logprobs"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"messages": []}, "messages"),
    ],
)
async def test_a_bad_field_is_named(scripted: Any, body: Any, param: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        await scripted().complete(**body)
    assert caught.value.param == param


async def test_a_long_prompt_is_read_in_a_thread(scripted: Any) -> None:
    asking = scripted("x")
    with pytest.raises(InvalidParameter, match="maximum context length is 4000"):
        await asking.complete("a" * 5000)
