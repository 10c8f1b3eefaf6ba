"""Chats: whole and streamed, templates, fields and their errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inferry.errors import InvalidInput
from inferry.openai import InvalidParameter


async def test_a_whole_answer(scripted: Any) -> None:
    asking = scripted("Good day.")
    answer = await asking.chat("Hello")
    assert answer["id"].startswith("chatcmpl-")
    assert (answer["object"], answer["model"]) == ("chat.completion", "m")
    assert answer["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Good day.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    assert asking.engine.prompts == ["[user] Hello\n[assistant] "]
    prompt = len("[user] Hello\n[assistant] ")
    assert answer["usage"] == {
        "prompt_tokens": prompt,
        "completion_tokens": 9,
        "total_tokens": prompt + 9,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


async def test_a_stream_begins_with_the_role_and_ends_with_the_reason(
    scripted: Any,
) -> None:
    chunks = await scripted("Good day.").chat(stream=True)
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    choices = [chunk["choices"][0] for chunk in chunks]
    assert choices[0]["delta"] == {"role": "assistant", "content": ""}
    assert "".join(c["delta"].get("content", "") for c in choices) == "Good day."
    assert (choices[-1]["delta"], choices[-1]["finish_reason"]) == ({}, "stop")
    assert all(choice["finish_reason"] is None for choice in choices[:-1])
    assert all("usage" not in chunk for chunk in chunks)


async def test_the_usage_of_a_stream_comes_last(scripted: Any) -> None:
    options = {"include_usage": True}
    chunks = await scripted("abcdef").chat(stream=True, stream_options=options)
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 6
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    options["continuous_usage_stats"] = True
    chunks = await scripted("abcdef").chat(stream=True, stream_options=options)
    counts = [chunk["usage"]["completion_tokens"] for chunk in chunks]
    assert counts == sorted(counts)


@pytest.mark.parametrize("stream", [True, False])
async def test_several_answers_are_told_apart(scripted: Any, *, stream: bool) -> None:
    asking = scripted("one", "two", "three")
    answer = await asking.chat(n=3, stream=stream, seed=5)
    assert [sampling.seed for sampling in asking.engine.samplings] == [5, 6, 7]
    texts = ["", "", ""]
    for chunk in answer if stream else [answer]:
        for choice in chunk["choices"]:
            said = choice["delta" if stream else "message"]
            texts[choice["index"]] += said.get("content") or ""
    assert texts == ["one", "two", "three"]


async def test_max_tokens_cut_an_answer(scripted: Any) -> None:
    for name in ("max_tokens", "max_completion_tokens"):
        answer = await scripted("Good day.").chat(**{name: 4})
        assert answer["choices"][0]["message"]["content"] == "Good"
        assert answer["choices"][0]["finish_reason"] == "length"


async def test_without_max_tokens_the_context_is_the_limit(scripted: Any) -> None:
    asking = scripted("x")
    await asking.chat("")
    sampling = asking.engine.samplings[0]
    assert sampling.max_tokens == 4000 - len(asking.engine.prompts[0])


async def test_what_does_not_fit_is_refused(scripted: Any) -> None:
    for body in ({"content": "x" * 4000}, {"max_tokens": 4000}):
        with pytest.raises(InvalidParameter, match="maximum context") as caught:
            await scripted().chat(**body)
        assert caught.value.code == "context_length_exceeded"


async def test_a_prompt_may_be_truncated(scripted: Any) -> None:
    asking = scripted()
    await asking.chat("x" * 5000, truncate_prompt_tokens=20)
    assert asking.engine.prompts == ["xxxxxxx\n[assistant] "]
    await asking.chat("x" * 5000, truncate_prompt_tokens=-1)
    assert len(asking.engine.prompts[1]) == 3999


async def test_logprobs_have_tokens_bytes_and_alternatives(scripted: Any) -> None:
    answer = await scripted("ab").chat(logprobs=True, top_logprobs=2)
    chances = answer["choices"][0]["logprobs"]
    assert chances["refusal"] is None
    assert chances["content"][0] == {
        "token": "a",
        "logprob": -0.97,
        "bytes": [97],
        "top_logprobs": [
            {"token": "a", "logprob": -0.97, "bytes": [97]},
            {"token": "!", "logprob": -9999.0, "bytes": [33]},
        ],
    }
    chunks = await scripted("abcd").chat(logprobs=True, stream=True)
    streamed = [
        each["token"]
        for chunk in chunks
        for each in (chunk["choices"][0]["logprobs"] or {"content": []})["content"]
    ]
    assert streamed == ["a", "b", "c", "d"]


async def test_token_ids_come_where_they_are_asked_for(scripted: Any) -> None:
    answer = await scripted("ab").chat(
        logprobs=True, return_token_ids=True, return_tokens_as_token_ids=True
    )
    choice = answer["choices"][0]
    assert choice["token_ids"] == [97, 98]
    assert choice["logprobs"]["content"][0]["token"] == "token_id:97"


async def test_fields_reach_the_engine(scripted: Any) -> None:
    asking = scripted(defaults={"temperature": 0.6, "top_k": 50, "top_p": 0.9})
    await asking.chat(
        temperature=0,
        top_k=-1,
        min_p=0.1,
        presence_penalty=1,
        frequency_penalty=-1,
        repetition_penalty=1.2,
        logit_bias={"65": 10},
        stop="END",
        stop_token_ids=[3],
        ignore_eos=True,
        min_tokens=2,
        seed=1,
    )
    sampling = asking.engine.samplings[0]
    assert sampling.temperature == 0
    assert sampling.top_p == 0.9
    assert (sampling.top_k, sampling.min_p) == (0, 0.1)
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (1, -1)
    assert sampling.repetition_penalty == 1.2
    assert sampling.logit_bias == {65: 10}
    assert (sampling.stop, sampling.stop_token_ids) == (("END",), (3,))
    assert (sampling.ignore_eos, sampling.min_tokens) == (True, 2)


@pytest.mark.parametrize(
    ("body", "kind", "text"),
    [
        ({"response_format": {"type": "json_object"}}, "json_schema", '"object"'),
        (
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": {"type": "integer"}},
                }
            },
            "json_schema",
            '"integer"',
        ),
        ({"guided_json": '{"type": "null"}'}, "json_schema", '"null"'),
        ({"guided_regex": "a+"}, "regex", "a+"),
        ({"guided_choice": ["a", 'b"']}, "lark", 'start: "a" | "b\\""'),
        ({"guided_grammar": "start: A"}, "lark", "start: A"),
        ({"structured_outputs": {"json": {}}}, "json_schema", "{"),
        ({"structured_outputs": {"choice": ["x"]}}, "lark", 'start: "x"'),
    ],
)
async def test_the_form_of_an_answer_is_a_grammar(
    scripted: Any, body: Any, kind: str, text: str
) -> None:
    asking = scripted()
    await asking.chat(**body)
    grammar = asking.engine.samplings[0].grammar
    assert grammar.kind == kind
    assert text in grammar.text


async def test_text_is_no_form(scripted: Any) -> None:
    asking = scripted()
    await asking.chat(response_format={"type": "text"})
    assert asking.engine.samplings[0].grammar is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hi"}, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "messages",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
            "messages",
        ),
        ({"temperature": 2.1}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"n": 0}, "n"),
        ({"n": 1000}, "n"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": "many"}, "max_tokens"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"stream_options": {"include_usage": True}}, "stream_options"),
        ({"min_tokens": 9, "max_tokens": 3}, "min_tokens"),
        ({"logit_bias": {"x": 1}}, "logit_bias"),
        ({"logit_bias": {"999": 1}}, "logit_bias"),
        ({"logit_bias": {"1": 101}}, "logit_bias"),
        ({"stop": [""]}, "stop"),
        ({"stop": ["x"] * 17}, "stop"),
        ({"stop_token_ids": [999]}, "stop_token_ids"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"nonsense": 1}, "nonsense"),
        ({"functions": [{}]}, "functions"),
        ({"chat_template": "{{ x }}"}, "chat_template"),
        ({"store": True}, "store"),
        ({"modalities": ["audio"]}, "modalities"),
        ({"verbosity": "low"}, "verbosity"),
        ({"reasoning_effort": "low"}, "reasoning_effort"),
        ({"documents": [{}]}, "documents"),
        ({"chat_template_kwargs": {"x_y": 1}}, "chat_template_kwargs"),
        ({"chat_template_kwargs": {"tokenize": 1}}, "chat_template_kwargs"),
        ({"response_format": {"type": "xml"}}, "response_format"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"structured_outputs": {}}, "structured_outputs"),
        ({"structured_outputs": {"xml": ""}}, "structured_outputs"),
        ({"guided_regex": "a", "guided_choice": ["b"]}, "guided_choice"),
        ({"guided_choice": []}, "guided_choice"),
        ({"guided_json": "{"}, "guided_json"),
        ({"truncate_prompt_tokens": 0}, "truncate_prompt_tokens"),
    ],
)
async def test_a_bad_field_is_named(scripted: Any, body: Any, param: str) -> None:
    with pytest.raises(InvalidParameter) as caught:
        await scripted().chat(**body)
    assert caught.value.param == param
    assert "\n" not in str(caught.value)


async def test_labels_and_nulls_ask_for_nothing(scripted: Any) -> None:
    answer = await scripted("x").chat(
        user="me",
        metadata={"a": "b"},
        service_tier="auto",
        store=False,
        temperature=None,
        tools=None,
        stop=None,
        stream_options=None,
        use_beam_search=False,
        modalities=["text"],
    )
    assert answer["choices"][0]["message"]["content"] == "x"


async def test_a_model_without_template_knows_no_chats(scripted: Any) -> None:
    with pytest.raises(InvalidParameter, match="no chat template"):
        await scripted(template=None).chat()


async def test_a_template_that_objects_is_the_client_s_fault(scripted: Any) -> None:
    asking = scripted(template="{{ raise_exception('users must begin') }}")
    with pytest.raises(InvalidParameter, match="users must begin"):
        await asking.chat()


async def test_a_template_reaches_nothing_of_python(scripted: Any) -> None:
    asking = scripted(template="{{ messages.__class__.__mro__[1].__subclasses__() }}")
    with pytest.raises(InvalidParameter):
        await asking.chat()


async def test_parts_developers_and_continued_messages(scripted: Any) -> None:
    asking = scripted()
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    await asking.chat(
        messages=[
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": parts},
            {"role": "assistant", "content": "I"},
        ],
        continue_final_message=True,
        add_generation_prompt=False,
    )
    assert asking.engine.prompts == ["[system] be brief\n[user] a\nb\n[assistant] I"]


async def test_what_the_template_reads_may_be_given(scripted: Any) -> None:
    template = "{{ mood }} {{ reasoning_effort }} {{ documents[0].text }}"
    asking = scripted(template=template)
    await asking.chat(
        chat_template_kwargs={"mood": "glad"},
        reasoning_effort="low",
        documents=[{"text": "doc"}],
    )
    assert asking.engine.prompts == ["glad low doc"]


@pytest.mark.parametrize("n", [1, 3])
async def test_an_error_of_the_engine_comes_before_the_first_chunk(
    scripted: Any, n: int
) -> None:
    for stream in (True, False):
        asking = scripted("fine", InvalidInput("no"), InvalidInput("no"))
        if n == 1:
            asking.engine.texts.pop(0)
        with pytest.raises(InvalidInput, match="no"):
            await asking.chat(stream=stream, n=n)
        assert asking.engine.running == 0


@pytest.mark.parametrize("n", [1, 3])
async def test_a_stream_that_is_closed_closes_the_engine_s(
    scripted: Any, n: int
) -> None:
    asking = scripted("long " * 9, "long " * 9, "long " * 9)
    body = {"messages": [{"role": "user", "content": "x"}], "stream": True, "n": n}
    answer = await asking.operations["chat/completions"](body)
    await anext(answer)
    assert asking.engine.running == n
    await answer.aclose()
    assert asking.engine.running == 0


async def test_answers_are_json(scripted: Any) -> None:
    chunks = await scripted("ab").chat(stream=True, logprobs=True, top_logprobs=1)
    assert json.loads(json.dumps(chunks)) == chunks


async def test_no_likeliest_ones_are_nothing_to_refuse(scripted: Any) -> None:
    answer = await scripted("well").chat(top_logprobs=0)
    assert answer["choices"][0]["logprobs"] is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"nonsense": 1}, "unknown_parameter"),
        ({"store": True}, "unsupported_parameter"),
        ({"messages": None}, "missing_required_parameter"),
    ],
)
async def test_programs_are_told_what_is_wrong_with_a_field(
    scripted: Any, body: Any, code: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        await scripted().chat(**body)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"guided_regex": "a"}, "guided_regex"),
        ({"structured_outputs": {"choice": ["a"]}}, "structured_outputs"),
    ],
)
async def test_a_grammar_knows_the_field_that_holds_it(
    scripted: Any, body: Any, param: str
) -> None:
    asking = scripted()
    await asking.chat(**body)
    assert asking.engine.samplings[0].grammar.param == param
