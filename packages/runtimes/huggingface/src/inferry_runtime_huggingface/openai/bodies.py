"""What a client sends for text: the fields, their types, their defaults."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType

__all__ = [
    "Chat",
    "Completion",
    "Function",
    "Generating",
    "Message",
    "ResponseFormat",
    "StreamOptions",
    "StructuredOutputs",
    "Tool",
    "ToolCall",
]


class StreamOptions(Struct, frozen=True, kw_only=True):
    """What a stream has beside its text."""

    include_usage: bool = False
    continuous_usage_stats: bool = False
    include_obfuscation: bool = False


class SchemaFormat(Struct, frozen=True, kw_only=True):
    """A JSON schema with its name."""

    name: str = ""
    schema: dict[str, Any] | bool | None = None
    description: str | None = None
    strict: bool | None = None


class ResponseFormat(Struct, frozen=True, kw_only=True):
    """The form that the answer must have."""

    type: Literal["text", "json_object", "json_schema", "regex", "lark"]
    json_schema: SchemaFormat | None = None
    regex: str | None = None
    grammar: str | None = None


class StructuredOutputs(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The form that the answer must have, as vLLM's clients say it: one of them."""

    json: dict[str, Any] | str | None = None
    regex: str | None = None
    choice: list[str] | None = None
    grammar: str | None = None
    json_object: bool | None = None


class Generating(Struct, frozen=True, kw_only=True):
    """What chats and completions share; UNSET is left to the model's own defaults."""

    model: str = ""
    n: int = 1
    stream: bool = False
    stream_options: StreamOptions | None = None
    min_tokens: int = 0
    temperature: float | UnsetType = UNSET
    top_p: float | UnsetType = UNSET
    top_k: int | UnsetType = UNSET
    min_p: float | UnsetType = UNSET
    repetition_penalty: float | UnsetType = UNSET
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    logit_bias: dict[str, float] = {}
    seed: int | None = None
    stop: str | list[str] = []
    stop_token_ids: list[int] = []
    ignore_eos: bool = False
    skip_special_tokens: bool = True
    truncate_prompt_tokens: int | None = None
    return_token_ids: bool = False
    return_tokens_as_token_ids: bool = False
    response_format: ResponseFormat | None = None
    structured_outputs: StructuredOutputs | None = None
    guided_json: dict[str, Any] | str | None = None
    guided_regex: str | None = None
    guided_choice: list[str] | None = None
    guided_grammar: str | None = None

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with the usage."""
        return self.stream_options is not None and self.stream_options.include_usage


class Completion(Generating, frozen=True, kw_only=True):
    """The body of ``completions``."""

    prompt: str | list[Any]
    max_tokens: int = 16
    best_of: int | None = None
    echo: bool = False
    logprobs: int | None = None
    add_special_tokens: bool = True


class Function(Struct, frozen=True, kw_only=True):
    """A function that a model may call."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(Struct, frozen=True, kw_only=True):
    """A tool; only functions are known."""

    function: Function
    type: Literal["function"] = "function"


class CalledFunction(Struct, frozen=True, kw_only=True):
    """A call as it was answered before; the arguments are JSON."""

    name: str
    arguments: str | dict[str, Any] = "{}"


class ToolCall(Struct, frozen=True, kw_only=True):
    """A call of a tool in an earlier answer."""

    function: CalledFunction
    id: str | None = None
    type: Literal["function"] = "function"


class Message(Struct, frozen=True, kw_only=True):
    """One message of a chat."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[dict[str, Any]] | None = None
    name: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None


class ToolName(Struct, frozen=True, kw_only=True):
    """The name of a function."""

    name: str


class ToolReference(Struct, frozen=True, kw_only=True):
    """One of the tools, by the name of its function."""

    function: ToolName
    type: Literal["function"] = "function"


class AllowedTools(Struct, frozen=True, kw_only=True):
    """Which of the tools may be called, and whether one must be."""

    tools: list[ToolReference]
    mode: Literal["auto", "required"] = "auto"


class ChosenTools(Struct, frozen=True, kw_only=True):
    """The function that must be called, or those that may be: one of both."""

    type: Literal["function", "allowed_tools"] = "function"
    function: ToolName | None = None
    allowed_tools: AllowedTools | None = None


class Chat(Generating, frozen=True, kw_only=True):
    """The body of ``chat/completions``."""

    messages: list[Message]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    logprobs: bool = False
    top_logprobs: int | None = None
    tools: list[Tool] = []
    tool_choice: Literal["none", "auto", "required"] | ChosenTools | None = None
    parallel_tool_calls: bool = True
    add_generation_prompt: bool = True
    continue_final_message: bool = False
    add_special_tokens: bool = False
    documents: list[dict[str, Any]] | None = None
    chat_template_kwargs: dict[str, Any] = {}
    reasoning_effort: str | None = None
