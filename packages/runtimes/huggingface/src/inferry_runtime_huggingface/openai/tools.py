"""Tools in the prompt: what a model is told of them, and when it must call one."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.openai.drawing import schema_grammar

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from inferry_runtime_huggingface.generation.engine import Grammar
    from inferry_runtime_huggingface.openai.bodies import Chat, Tool

__all__ = [
    "check_tools",
    "chosen_name",
    "described",
    "instructions",
    "narrowed",
    "required_grammar",
]

_MOST = 128
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_ANY: dict[str, Any] = {"type": "object"}
_INTRODUCTION = """You may call functions. They are, within <tools></tools>:
<tools>
{tools}
</tools>
For each call of a function answer a JSON object within <tool_call></tool_call>:
<tool_call>
{{"name": <name of the function>, "arguments": <object of its arguments>}}
</tool_call>"""


def narrowed(chat: Chat) -> Chat:
    """Return *chat* with those of its tools that its choice allows, if it lists them.

    Raises:
        InvalidParameter: It lists one that there is not, or says nothing.

    """
    choice = chat.tool_choice
    if choice is None or isinstance(choice, str):
        return chat
    if (choice.function if choice.type == "function" else choice.allowed_tools) is None:
        raise InvalidParameter(
            f"'tool_choice' is of type {choice.type} and does not say which",
            param="tool_choice",
        )
    if choice.type == "function" or choice.allowed_tools is None:
        return chat
    allowed = [tool.function.name for tool in choice.allowed_tools.tools]
    names = [tool.function.name for tool in chat.tools]
    for name in allowed:
        _check_known(name, names)
    return msgspec.structs.replace(
        chat,
        tools=[tool for tool in chat.tools if tool.function.name in allowed],
        tool_choice=choice.allowed_tools.mode,
    )


def chosen_name(chat: Chat) -> str:
    """Return the name of the function that must be called, "" where none is named."""
    choice = chat.tool_choice
    if choice is None or isinstance(choice, str) or choice.function is None:
        return ""
    return choice.function.name


def check_tools(chat: Chat) -> str:
    """Return how *chat* chooses: ``none``, ``auto``, ``required`` or ``named``.

    Raises:
        InvalidParameter: The tools or the choice make no sense.

    """
    if len(chat.tools) > _MOST:
        raise InvalidParameter(
            f"'tools' has {len(chat.tools)} tools, at most {_MOST} are taken",
            param="tools",
        )
    names = [tool.function.name for tool in chat.tools]
    for name in names:
        if not _NAME.match(name):
            raise InvalidParameter(
                f"'tools' has a function named {name[:80]!r}; letters, digits, '_', "
                "'-' and '.' are allowed, 64 at most",
                param="tools",
            )
    if len(set(names)) != len(names):
        raise InvalidParameter("'tools' has two functions of one name", param="tools")
    choice = chat.tool_choice
    if choice is None:
        return "auto" if names else "none"
    if choice == "none" or (choice == "auto" and not names):
        return "none"
    if not names:
        raise InvalidParameter(
            "'tool_choice' asks for a tool and there is none", param="tool_choice"
        )
    if isinstance(choice, str):
        return choice
    _check_known(chosen_name(chat), names)
    return "named"


def _check_known(name: str, names: Sequence[str]) -> None:
    if name not in names:
        raise InvalidParameter(
            f"'tool_choice' names {name[:80]!r}, which is none of "
            f"{', '.join(names) or 'no tools'}",
            param="tool_choice",
        )


def required_grammar(chat: Chat, choice: str) -> Grammar | None:
    """Return what the answer must be where *choice* asks for a call, else None.

    A named function's answer is its arguments; else it is a list of objects with
    ``name`` and ``parameters``, as vLLM has it.
    """
    if choice == "named":
        name = chosen_name(chat)
        chosen = next(tool for tool in chat.tools if tool.function.name == name)
        return schema_grammar(_parameters(chosen), "tools")
    if choice != "required":
        return None
    calls = [
        {
            "type": "object",
            "properties": {
                "name": {"const": tool.function.name},
                "parameters": _parameters(tool),
            },
            "required": ["name", "parameters"],
            "additionalProperties": False,
        }
        for tool in chat.tools
    ]
    definitions = _definitions(chat.tools)
    schema: dict[str, Any] = {
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": calls},
        **({"$defs": definitions} if definitions else {}),
    }
    if not chat.parallel_tool_calls:
        schema["maxItems"] = 1
    return schema_grammar(schema, "tools")


def _parameters(tool: Tool) -> dict[str, Any]:
    return tool.function.parameters or _ANY


def _definitions(tools: Iterable[Tool]) -> dict[str, Any]:
    """Gather what ``#/$defs/`` means, which is sought at the root.

    Raises:
        InvalidParameter: Two functions mean different things by one name.

    """
    found: dict[str, Any] = {}
    for tool in tools:
        for name, schema in _parameters(tool).get("$defs", {}).items():
            if found.setdefault(name, schema) != schema:
                raise InvalidParameter(
                    f"'tools' define {name[:80]!r} twice, and not alike", param="tools"
                )
    return found


def described(tools: Sequence[Tool]) -> list[dict[str, Any]]:
    """Return *tools* as chat templates take them."""
    return [
        {
            "type": "function",
            "function": {
                "name": tool.function.name,
                "description": tool.function.description or "",
                "parameters": _parameters(tool),
            },
        }
        for tool in tools
    ]


def instructions(
    messages: list[dict[str, Any]], tools: Sequence[Tool]
) -> list[dict[str, Any]]:
    """Tell of *tools* in *messages*, for a template that has no place for them.

    The words are those that Hermes models were trained with, in short.
    """
    listing = "\n".join(json.dumps(each) for each in described(tools))
    text = _INTRODUCTION.format(tools=listing)
    first, rest = "", messages
    if messages and messages[0]["role"] == "system":
        first, rest = messages[0]["content"] + "\n\n", messages[1:]
    return [{"role": "system", "content": first + text}, *map(_plain, rest)]


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        text = f"<tool_response>\n{message['content']}\n</tool_response>"
        return {"role": "user", "content": text}
    if "tool_calls" not in message:
        return message
    calls = [
        f"<tool_call>\n{json.dumps(call['function'])}\n</tool_call>"
        for call in message["tool_calls"]
    ]
    content = "\n".join(filter(None, (message["content"], *calls)))
    return {"role": "assistant", "content": content}
