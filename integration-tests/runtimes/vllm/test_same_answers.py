"""Field by field: what clients read of vLLM's answers is in ours and means the same.

Random draws differ, so temperature is 0, where both have to say the same words.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from runtimes.huggingface import parrot

HI = [{"role": "user", "content": "Hi"}]
#: Made anew for each answer, or told by one server alone.
_OWN = frozenset(
    {
        "created",
        "id",
        "kv_transfer_params",
        "prompt_logprobs",
        "prompt_tokens_details",
        "service_tier",
        "stop_reason",
        "system_fingerprint",
        "tool_call_id",
    }
)
#: vLLM gives one answer at temperature 0.
_NEARLY = {"temperature": 0.02}
NAMED = {"type": "function", "function": {"name": "add"}}
PICK = {"type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"]}
CHATS: dict[str, dict[str, Any]] = {
    "plain": {},
    "short": {"max_tokens": 4},
    "two": {"n": 2, **_NEARLY},
    "stop": {"stop": ["Grüße"]},
    "stop in list": {"stop": ["🎈", "never"]},
    "chances": {"logprobs": True, "top_logprobs": 3, "max_tokens": 5},
    "bias": {"logit_bias": {"40": 100}, "max_tokens": 3},
    "penalties": {"presence_penalty": 1.5, "frequency_penalty": 1, "max_tokens": 9},
    "repetition": {"repetition_penalty": 1.5, "max_tokens": 9},
    "tools": {"messages": parrot.ASK, "tools": [parrot.TOOL]},
    "answered": {"messages": parrot.ANSWERED, "tools": [parrot.TOOL]},
    "no tools": {"tools": [parrot.TOOL], "tool_choice": "none", "max_tokens": 5},
    "continued": {
        "messages": [*HI, {"role": "assistant", "content": "Hello"}],
        "continue_final_message": True,
        "add_generation_prompt": False,
    },
    "regex": {"structured_outputs": {"regex": "(yes|no)"}},
    "choice": {"structured_outputs": {"choice": ["left", "right"]}},
}
COMPLETIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "list": {"prompt": ["a", "b"], "max_tokens": 3},
    "ids": {"prompt": [40, 41], "max_tokens": 3},
    "lists of ids": {"prompt": [[40], [41, 42]], "max_tokens": 3},
    "echo": {"echo": True, "max_tokens": 2},
    "chances": {"logprobs": 2, "max_tokens": 3},
    "echoed chances": {"echo": True, "logprobs": 2, "max_tokens": 2},
    "two": {"n": 2, "max_tokens": 3, **_NEARLY},
    "least": {"min_tokens": 5, "max_tokens": 8},
}
WRONG: dict[str, dict[str, Any]] = {
    "model": {"model": "gpt"},
    "temperature": {"temperature": -1},
    "top_p": {"top_p": 2},
    "too long": {"max_tokens": 10**6},
    "no messages": {"messages": None},
    "type": {"max_tokens": "many"},
}


def ask(url: str, path: str, body: dict[str, Any]) -> httpx.Response:
    given = {"model": "parrot", "temperature": 0, **body}
    return httpx.post(f"{url}/{path}", json=given, timeout=120)


def same(ours: Any, theirs: Any, where: str = "answer") -> None:
    """Fail where *theirs* has a value that *ours* has not; null is as good as none."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), where
        for name, value in theirs.items():
            if name in _OWN or value is None or value == []:
                continue
            assert name in ours, f"{where}.{name} is missing; vLLM has {value!r}"
            same(ours[name], value, f"{where}.{name}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), where
        for index, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            same(one, other, f"{where}[{index}]")
    elif isinstance(theirs, float) and not isinstance(theirs, bool):
        assert ours == pytest.approx(theirs, abs=1e-2), where
    elif where.endswith("arguments"):
        assert json.loads(ours) == json.loads(theirs), where
    else:
        assert ours == theirs, where


@pytest.mark.parametrize("name", CHATS)
def test_chats_are_the_same(ours: str, theirs: str, name: str) -> None:
    body = {"messages": HI, "max_tokens": 100, **CHATS[name]}
    answers = [ask(url, "chat/completions", body) for url in (ours, theirs)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[1].text
    found = [_without_ids(answer.json()) for answer in answers]
    if "structured_outputs" in body:
        # vLLM asks the model for the end that nothing else can follow, and counts it.
        ended = [answer["usage"].pop("completion_tokens") for answer in found]
        assert ended[1] - ended[0] in {0, 1}
        assert [answer["usage"].pop("total_tokens") for answer in found] == [
            answer["usage"]["prompt_tokens"] + tokens
            for answer, tokens in zip(found, ended, strict=True)
        ]
    same(*found)


def _without_ids(answer: dict[str, Any]) -> dict[str, Any]:
    for choice in answer["choices"]:
        for call in choice["message"].get("tool_calls") or []:
            assert call.pop("id")
    return answer


@pytest.mark.parametrize("name", COMPLETIONS)
def test_completions_are_the_same(ours: str, theirs: str, name: str) -> None:
    body = {"prompt": "<|user|>Hi<|end|><|assistant|>", **COMPLETIONS[name]}
    answers = [ask(url, "completions", body) for url in (ours, theirs)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[1].text
    same(*(answer.json() for answer in answers))


@pytest.mark.parametrize("usage", [True, False])
@pytest.mark.parametrize("path", ["chat/completions", "completions"])
def test_streams_come_to_the_same(
    ours: str, theirs: str, path: str, *, usage: bool
) -> None:
    body: dict[str, Any] = {"stream": True, "max_tokens": 60}
    body |= {"messages": HI} if path.startswith("chat") else {"prompt": "abc"}
    if usage:
        body["stream_options"] = {"include_usage": True}
    same(*(_gathered(ask(url, path, body)) for url in (ours, theirs)))


def _gathered(answer: httpx.Response) -> dict[str, Any]:
    """Return what a stream comes to, and whether it follows the grammar of events."""
    *events, done, end = answer.text.split("\n\n")
    assert (done, end) == ("data: [DONE]", "")
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    choices = [choice for chunk in chunks for choice in chunk["choices"]]
    return {
        "kinds": sorted({chunk["object"] for chunk in chunks}),
        "ids": len({chunk["id"] for chunk in chunks}),
        "text": "".join(
            choice.get("text") or choice.get("delta", {}).get("content") or ""
            for choice in choices
        ),
        "role": choices[0].get("delta", {}).get("role"),
        "finish": [c["finish_reason"] for c in choices if c.get("finish_reason")],
        "usage": chunks[-1].get("usage"),
        "bare": sum(not chunk["choices"] for chunk in chunks),
    }


@pytest.mark.parametrize("choice", ["required", NAMED])
def test_forced_calls_have_one_shape(ours: str, theirs: str, choice: Any) -> None:
    body = {
        "messages": HI,
        "max_tokens": 200,
        "tools": [parrot.TOOL],
        "tool_choice": choice,
    }
    shapes = []
    for url in (ours, theirs):
        chosen = ask(url, "chat/completions", body).json()["choices"][0]
        call = chosen["message"]["tool_calls"][0]
        numbers = json.loads(call["function"]["arguments"])
        shapes.append((call["function"]["name"], call["type"], sorted(numbers)))
    assert shapes[0] == shapes[1]


@pytest.mark.parametrize("kind", ["json_object", "json_schema"])
def test_json_is_json_at_both(ours: str, theirs: str, kind: str) -> None:
    form: dict[str, Any] = {"type": kind}
    if kind == "json_schema":
        form["json_schema"] = {"name": "pick", "schema": PICK}
    body = {"messages": HI, "max_tokens": 300, "response_format": form}
    for url in (ours, theirs):
        choice = ask(url, "chat/completions", body).json()["choices"][0]
        if choice["finish_reason"] == "stop":
            found = json.loads(choice["message"]["content"])
            assert isinstance(found, dict)
            assert kind == "json_object" or found["a"] in (1, 2)


@pytest.mark.parametrize("name", WRONG)
def test_what_is_refused_is_refused_alike(ours: str, theirs: str, name: str) -> None:
    body = {"messages": HI, "max_tokens": 5, **WRONG[name]}
    answers = [ask(url, "chat/completions", body) for url in (ours, theirs)]
    assert answers[0].status_code == answers[1].status_code
    for answer in answers:
        assert answer.json()["error"]["message"]


def test_the_list_of_models_has_the_same_fields(ours: str, theirs: str) -> None:
    listed = [httpx.get(f"{url}/models").json() for url in (ours, theirs)]
    assert {each["object"] for each in listed} == {"list"}
    names = [{model["id"] for model in each["data"]} for each in listed]
    assert names[0] == names[1] == {"parrot"}
