"""The chat template of a model: messages and tools as one prompt.

Templates are Jinja, run by transformers in a sandbox; none comes from a request.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from inferry.errors import InvalidInput, one_line
from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.openai.tools import described, instructions

if TYPE_CHECKING:
    from inferry_runtime_huggingface.openai.bodies import Chat, Message

__all__ = ["ChatTemplate"]

#: What a request must not hand to ``apply_chat_template`` as if for the template.
_OWN = frozenset(
    {
        "add_generation_prompt",
        "chat_template",
        "continue_final_message",
        "conversation",
        "documents",
        "max_length",
        "messages",
        "padding",
        "return_assistant_tokens_mask",
        "return_dict",
        "return_tensors",
        "tokenize",
        "tokenizer_kwargs",
        "tools",
        "truncation",
    }
)


class ChatTemplate:
    """The template of *tokenizer*, which may have none."""

    def __init__(self, tokenizer: Any) -> None:  # noqa: ANN401 - of transformers
        self._tokenizer = tokenizer
        found = getattr(tokenizer, "chat_template", None) or ""
        #: The text of it, or of all there are.
        self.text = "\n".join(found.values()) if isinstance(found, dict) else str(found)
        self.knows_tools = "tools" in self.text

    def render(self, chat: Chat) -> str:
        """Return the prompt of *chat*.

        Raises:
            InvalidParameter: There is no template, or the request does not suit it.

        """
        if not self.text:
            raise InvalidParameter(
                "this model has no chat template, so it knows no chats",
                param="messages",
                remedy="use completions, or put chat_template.jinja beside the model",
            )
        given = self._variables(chat)
        tools = [] if chat.tool_choice == "none" else chat.tools
        messages = [self._message(message) for message in chat.messages]
        if tools and not self.knows_tools:
            messages = instructions(messages, tools)
        try:
            prompt: str = self._tokenizer.apply_chat_template(
                messages,
                tools=described(tools) if tools and self.knows_tools else None,
                documents=chat.documents,
                tokenize=False,
                add_generation_prompt=chat.add_generation_prompt
                and not chat.continue_final_message,
                continue_final_message=chat.continue_final_message,
                **given,
            )
        except Exception as error:
            # Whatever a template raises, it did because of what was sent.
            raise InvalidParameter(
                "the chat template of this model does not take these messages: "
                f"{one_line(error)[:300]}",
                param="messages",
            ) from error
        return prompt

    def _variables(self, chat: Chat) -> dict[str, Any]:
        given = dict(chat.chat_template_kwargs)
        own = sorted(_OWN & given.keys())
        if own:
            raise InvalidParameter(
                f"'chat_template_kwargs' has {own[0]!r}, which is not the template's",
                param="chat_template_kwargs",
            )
        unread = [name for name in given if name not in self.text]
        if unread:
            raise InvalidParameter(
                f"the chat template of this model does not read {unread[0][:100]!r}",
                param="chat_template_kwargs",
            )
        if chat.reasoning_effort is not None:
            if "reasoning_effort" not in self.text:
                raise InvalidParameter(
                    "'reasoning_effort' is nothing to this model",
                    param="reasoning_effort",
                    remedy="leave it out",
                )
            given["reasoning_effort"] = chat.reasoning_effort
        if chat.documents is not None and "documents" not in self.text:
            raise InvalidParameter(
                "the chat template of this model has no place for documents",
                param="documents",
                remedy="put them into a message",
            )
        return given

    def _message(self, message: Message) -> dict[str, Any]:
        role = message.role
        if role == "developer" and "developer" not in self.text:
            role = "system"  # its name before
        made: dict[str, Any] = {"role": role, "content": _text(message)}
        for name in ("name", "tool_call_id", "reasoning_content"):
            if (value := getattr(message, name)) is not None:
                made[name] = value
        if message.tool_calls:
            made["tool_calls"] = [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {
                        "name": call.function.name,
                        "arguments": _arguments(call.function.arguments),
                    },
                }
                for call in message.tool_calls
            ]
        return made


def _text(message: Message) -> str:
    content = message.content
    if content is None:
        if message.role != "assistant":
            raise _wrong(f"a message of the {message.role} has no content")
        return message.refusal or ""
    if isinstance(content, str):
        return content
    return "\n".join(map(_part, content))


def _part(part: dict[str, Any]) -> str:
    kind = part.get("type")
    text = part.get("refusal" if kind == "refusal" else "text")
    if kind not in ("text", "input_text", "output_text", "refusal"):
        raise _wrong(
            f"a message has a part of type {str(kind)[:40]!r}, only text is read"
        )
    if not isinstance(text, str):
        raise _wrong("a part of a message has no text")
    return text


def _arguments(given: str | dict[str, Any]) -> dict[str, Any]:
    """Read arguments, which templates want as an object."""
    try:
        found = json.loads(given or "{}") if isinstance(given, str) else given
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _wrong("the arguments of a tool call in a message are no JSON object")
    return found


def _wrong(text: str) -> InvalidInput:
    return InvalidParameter(text, param="messages")
