"""Tools: in the prompt, forced by a grammar, found in answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inferry.errors import ModelLoadError
from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.openai.calls import PARSERS, parser_for, reader_for

ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds numbers.",
        "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}},
        "strict": True,
    },
}
GET = {"type": "function", "function": {"name": "get"}}
HERMES = '<tool_call>\n{"name": "add", "arguments": {"a": 1}}\n</tool_call>'
NATIVE = "{% if tools %}{{ tools | length }} tools {% endif %}<tool_call>"


def calls(message: Any) -> list[tuple[str, Any]]:
    return [
        (call["function"]["name"], json.loads(call["function"]["arguments"]))
        for call in message["tool_calls"]
    ]


async def test_a_template_without_tools_is_told_of_them(scripted: Any) -> None:
    asking = scripted("Sure.")
    answer = await asking.chat(tools=[ADD])
    assert answer["choices"][0]["message"]["content"] == "Sure."
    assert answer["choices"][0]["finish_reason"] == "stop"
    (prompt,) = asking.engine.prompts
    assert prompt.startswith("[system] You may call functions.")
    assert '"description": "Adds numbers."' in prompt


async def test_a_template_with_tools_writes_them_itself(scripted: Any) -> None:
    asking = scripted("Sure.", template=NATIVE)
    await asking.chat(tools=[ADD, GET])
    await asking.chat(tools=[ADD], tool_choice="none")
    assert asking.engine.prompts == ["2 tools <tool_call>", "<tool_call>"]


async def test_a_call_is_found(scripted: Any) -> None:
    answer = await scripted(HERMES).chat(tools=[ADD])
    choice = answer["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert calls(choice["message"]) == [("add", {"a": 1})]
    (call,) = choice["message"]["tool_calls"]
    assert call["type"] == "function"
    assert call["id"].startswith("call_")


async def test_content_and_several_calls(scripted: Any) -> None:
    text = f'Let me see.\n{HERMES}\n<tool_call>{{"name": "get"}}</tool_call>'
    answer = await scripted(text).chat(tools=[ADD, GET])
    message = answer["choices"][0]["message"]
    assert message["content"] == "Let me see."
    assert calls(message) == [("add", {"a": 1}), ("get", {})]


async def test_one_call_at_a_time_where_that_is_asked_for(scripted: Any) -> None:
    for stream in (True, False):
        answer = await scripted(HERMES * 2).chat(
            tools=[ADD], parallel_tool_calls=False, stream=stream
        )
        chunks = answer if stream else [answer]
        found = [
            call
            for chunk in chunks
            for choice in chunk["choices"]
            for call in choice["delta" if stream else "message"].get("tool_calls", [])
        ]
        assert len(found) == 1


async def test_a_stream_of_calls(scripted: Any) -> None:
    chunks = await scripted(f"Well. {HERMES}{HERMES}").chat(tools=[ADD], stream=True)
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    found = [call for delta in deltas for call in delta.get("tool_calls", [])]
    assert [call["index"] for call in found] == [0, 1]
    assert [call["function"]["name"] for call in found] == ["add", "add"]
    assert len({call["id"] for call in found}) == 2
    content = "".join(delta.get("content") or "" for delta in deltas)
    assert content == "Well."
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_required_call_is_a_list_by_grammar(scripted: Any) -> None:
    text = '[{"name": "add", "parameters": {"a": 2}}, {"name": "get", "parameters":{}}]'
    for stream in (True, False):
        asking = scripted(text)
        answer = await asking.chat(
            tools=[ADD, GET], tool_choice="required", stream=stream
        )
        schema = json.loads(asking.engine.samplings[0].grammar.text)
        assert schema["type"] == "array"
        assert len(schema["items"]["anyOf"]) == 2
        if stream:
            found = [
                call["function"]["name"]
                for chunk in answer
                for call in chunk["choices"][0]["delta"].get("tool_calls", [])
            ]
            assert found == ["add", "get"]
            assert answer[-1]["choices"][0]["finish_reason"] == "tool_calls"
        else:
            choice = answer["choices"][0]
            assert calls(choice["message"]) == [("add", {"a": 2}), ("get", {})]
            assert choice["message"]["content"] is None
            assert choice["finish_reason"] == "tool_calls"


async def test_a_named_call_is_its_arguments_by_grammar(scripted: Any) -> None:
    chosen = {"type": "function", "function": {"name": "add"}}
    for stream in (True, False):
        asking = scripted('{"a": 12}')
        answer = await asking.chat(tools=[ADD, GET], tool_choice=chosen, stream=stream)
        schema = json.loads(asking.engine.samplings[0].grammar.text)
        assert "a" in schema["properties"]
        if stream:
            found = [
                call
                for chunk in answer
                for call in chunk["choices"][0]["delta"].get("tool_calls", [])
            ]
            assert found[0]["function"]["name"] == "add"
            assert {call["index"] for call in found} == {0}
            text = "".join(call["function"]["arguments"] for call in found)
            assert text == '{"a": 12}'
        else:
            choice = answer["choices"][0]
            assert calls(choice["message"]) == [("add", {"a": 12})]
            assert choice["finish_reason"] == "stop"


def allowed(mode: str, *names: str) -> dict[str, Any]:
    """Return the choice of some tools among all."""
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    return {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": tools}}


async def test_only_allowed_tools_are_told_of_and_called(scripted: Any) -> None:
    asking = scripted('[{"name": "get", "parameters": {}}]', "Sure.", template=NATIVE)
    answer = await asking.chat(tools=[ADD, GET], tool_choice=allowed("required", "get"))
    assert calls(answer["choices"][0]["message"]) == [("get", {})]
    grammar = asking.engine.samplings[0].grammar
    assert len(json.loads(grammar.text)["items"]["anyOf"]) == 1
    assert grammar.param == "tools"

    answer = await asking.chat(tools=[ADD, GET], tool_choice=allowed("auto", "add"))
    assert answer["choices"][0]["message"]["content"] == "Sure."
    assert asking.engine.prompts == ["1 tools <tool_call>"] * 2


async def test_what_was_cut_off_is_content(scripted: Any) -> None:
    text = '[{"name": "add", "parameters": {"a": 2}}, {"name": "get"'
    answer = await scripted(text + "x").chat(
        tools=[ADD, GET], tool_choice="required", max_tokens=len(text)
    )
    choice = answer["choices"][0]
    assert calls(choice["message"]) == [("add", {"a": 2})]
    assert choice["message"]["content"] == ', {"name": "get"'
    assert choice["finish_reason"] == "length"


async def test_definitions_of_schemas_stay_within_reach(scripted: Any) -> None:
    tool = {
        "type": "function",
        "function": {
            "name": "f",
            "parameters": {
                "type": "object",
                "properties": {"p": {"$ref": "#/$defs/P"}},
                "$defs": {"P": {"type": "null"}},
            },
        },
    }
    asking = scripted("[]")
    await asking.chat(tools=[tool], tool_choice="required")
    schema = json.loads(asking.engine.samplings[0].grammar.text)
    assert schema["$defs"] == {"P": {"type": "null"}}
    other = json.loads(json.dumps(tool).replace('"f"', '"g"').replace("null", "string"))
    with pytest.raises(InvalidParameter, match="twice"):
        await asking.chat(tools=[tool, other], tool_choice="required")


async def test_earlier_calls_and_answers_are_part_of_the_prompt(scripted: Any) -> None:
    messages = [
        {"role": "user", "content": "1+1?"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "add", "arguments": '{"a": 1}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
    ]
    asking = scripted()
    await asking.chat(messages=messages, tools=[ADD])
    (prompt,) = asking.engine.prompts
    assert '{"name": "add", "arguments": {"a": 1}}\n</tool_call>' in prompt
    assert "[user] <tool_response>\n2\n</tool_response>" in prompt
    template = (
        "{{ tools }}{{ messages[1].tool_calls[0].function.arguments.a }}"
        "{{ messages[2].tool_call_id }}"
    )
    asking = scripted(template=template)
    await asking.chat(messages=messages)
    assert asking.engine.prompts == ["None1c1"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [ADD], "tool_choice": "perhaps"}, "tool_choice"),
        (
            {
                "tools": [ADD],
                "tool_choice": {"type": "function", "function": {"name": "get"}},
            },
            "tool_choice",
        ),
        ({"tools": [ADD], "tool_choice": {"type": "function"}}, "tool_choice"),
        ({"tools": [ADD], "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"tools": [ADD], "tool_choice": allowed("required", "get")}, "tool_choice"),
        ({"tools": [ADD, ADD]}, "tools"),
        ({"tools": [{"type": "function", "function": {"name": "a b"}}]}, "tools"),
        ({"tools": [{"type": "retrieval"}]}, "tools"),
        (
            {"tools": [ADD], "response_format": {"type": "json_object"}},
            "response_format",
        ),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "tool_calls": [{"function": {"name": "a", "arguments": "{"}}],
                    }
                ]
            },
            "messages",
        ),
    ],
)
async def test_what_makes_no_sense_is_refused(
    scripted: Any, body: Any, param: str
) -> None:
    with pytest.raises(InvalidParameter) as caught:
        await scripted().chat(**body)
    assert caught.value.param == param


def test_an_unknown_parser_is_refused(scripted: Any) -> None:
    with pytest.raises(ModelLoadError, match="toolParser"):
        scripted(toolParser="xml")


@pytest.mark.parametrize(
    ("template", "parser"),
    [
        ("{{ '[TOOL_CALLS]' }}", "mistral"),
        ("<tool_call>", "hermes"),
        ("<|python_tag|>", "llama3_json"),
        ("", "hermes"),
    ],
)
def test_the_template_tells_how_calls_are_written(template: str, parser: str) -> None:
    assert parser_for(template) == parser


CALL = '{"name": "add", "arguments": {"a": 1}}'
ONE = [("add", '{"a": 1}')]
WRITTEN = [
    ("hermes", f"x <tool_call>{CALL}</tool_call>", "x", ONE),
    ("hermes", f"<tool_call>{CALL}", "", ONE),
    ("hermes", "<tool_call>nonsense</tool_call>", None, []),
    ("hermes", '<tool_call>{"name": "unknown"}</tool_call>', None, []),
    ("hermes", "a < b <tool", None, []),
    ("mistral", f"[TOOL_CALLS][{CALL}, {CALL}]", "", ONE * 2),
    ("mistral", '[TOOL_CALLS]add{"a": 1}', "", ONE),
    ("mistral", '[TOOL_CALLS]add[ARGS]{"a": 1}[TOOL_CALLS]get{}', "", None),
    ("mistral", "hello [TOOL", None, []),
    ("mistral", "[TOOL_CALLS]hello", None, []),
    ("llama3_json", '{"name": "add", "parameters": {"a": 1}}', "", ONE),
    ("llama3_json", f"<|python_tag|>{CALL}; {CALL}", "", ONE * 2),
    ("llama3_json", '{"a": 1}', None, []),
    ("llama3_json", "The sum is {2}", None, []),
    ("llama3_json", "", "", []),
    ("llama3_json", "<|python", None, []),
]


def read(parser: Any, text: str, sizes: list[int]) -> tuple[str, list[Any]]:
    reader = reader_for("auto", parser, {"add", "get"})
    content, found, start = "", [], 0
    while start < len(text):
        size = sizes.pop(0) if sizes else 1
        piece = reader.feed(text[start : start + size])
        content += piece.content
        found += piece.calls
        start += size
    last = reader.end()
    return content + last.content, [
        (call.name, call.arguments) for call in found + last.calls
    ]


@pytest.mark.parametrize(("parser", "text", "content", "found"), WRITTEN)
def test_each_way_to_write_calls_is_read(
    parser: Any, text: str, content: str | None, found: Any
) -> None:
    expected = [*ONE, ("get", "{}")] if found is None else found
    for sizes in ([], [1000], [5] * 50):
        assert read(parser, text, sizes) == (
            text if content is None else content,
            expected,
        )


@given(
    parser=st.sampled_from(PARSERS),
    text=st.lists(
        st.sampled_from(
            ["<tool_call>", "</tool_call>", "[TOOL_CALLS]", CALL, "{", "}", " ", "hi"]
        )
    ).map("".join)
    | st.text(),
    sizes=st.lists(st.integers(1, 9)),
)
def test_how_the_text_is_cut_makes_no_difference(
    parser: Any, text: str, sizes: list[int]
) -> None:
    assert read(parser, text, sizes) == read(parser, text, [len(text) or 1])


def test_the_ids_of_mistral_have_nine_letters() -> None:
    reader = reader_for("auto", "mistral", {"add"})
    reader.feed(f"[TOOL_CALLS][{CALL}]")
    (call,) = reader.end().calls
    assert len(call.id) == 9
    assert call.id.isalnum()
