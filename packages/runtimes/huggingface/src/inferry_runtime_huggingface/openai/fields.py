"""Reads a body into its type: what is known takes effect, the rest is refused.

A field that is null counts as not given, as OpenAI's clients mean it. Sources: OpenAI's
API reference; vLLM's ``ChatCompletionRequest`` and ``CompletionRequest`` for the
fields beyond it.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from inferry.errors import InvalidInput
from inferry.openai import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["about", "integer", "number", "read"]

T = TypeVar("T", bound=msgspec.Struct)

#: They change nothing in an answer: labels for others, and hints for speed.
_HARMLESS = frozenset(
    {
        "cache_salt",
        "guided_decoding_backend",
        "metadata",
        "prediction",
        "priority",
        "prompt_cache_key",
        "prompt_cache_retention",
        "request_id",
        "safety_identifier",
        "service_tier",
        "user",
    }
)
#: What is not served here, and the values that ask for nothing.
_UNSERVED: Mapping[str, tuple[object, ...]] = {
    "allowed_token_ids": ([],),
    "audio": (),
    "bad_words": ([],),
    "chat_template": (),
    "function_call": (),
    "functions": ([],),
    "include_reasoning": (True,),
    "include_stop_str_in_output": (False,),
    "kv_transfer_params": (),
    "length_penalty": (1, 1.0),
    "logits_processors": ([],),
    "mm_processor_kwargs": ({},),
    "modalities": (["text"],),
    "prompt_logprobs": (),
    "spaces_between_special_tokens": (True,),
    "store": (False,),
    "suffix": ("",),
    "use_beam_search": (False,),
    "verbosity": ("medium",),
    "web_search_options": (),
}
_INSTEAD: Mapping[str, str] = {
    "chat_template": "the model's own template is used; chat_template_kwargs go to it",
    "function_call": "use tool_choice",
    "functions": "use tools",
    "modalities": "answers are text alone",
    "prompt_logprobs": "use echo with logprobs, of completions",
}
_PATH = re.compile(r" - at `\$\.(?P<name>\w+)(?P<rest>[^`]*)`\Z")
_SHOWN = 100


def read(body: Mapping[str, Any], kind: type[T]) -> T:
    """Return *body* as a *kind*.

    Raises:
        InvalidParameter: A field is unknown, not served, missing or of a wrong type.

    """
    known = kind.__struct_fields__
    kept = {
        name: value
        for name, value in body.items()
        if value is not None and (name in known or _refuse(name, value))
    }
    try:
        return msgspec.convert(kept, kind)
    except msgspec.ValidationError as error:
        raise _worded(str(error)) from None


def _refuse(name: str, value: object) -> bool:
    """Return False for a field that asks for nothing.

    Raises:
        InvalidParameter: It asks for something.

    """
    shown = name[:_SHOWN]
    if name in _HARMLESS:
        return False
    nothing = _UNSERVED.get(name)
    if nothing is None:
        raise InvalidParameter(
            f"unknown field {shown!r}",
            param=shown,
            code="unknown_parameter",
            remedy="leave it out",
        )
    if any(value == each and type(value) is type(each) for each in nothing):
        return False
    raise InvalidParameter(
        f"{shown!r} is not served by this model",
        param=shown,
        code="unsupported_parameter",
        remedy=_INSTEAD.get(name, "leave it out"),
    )


def _worded(text: str) -> InvalidParameter:
    missing = re.search(r"missing required field `(\w+)`", text)
    where = _PATH.search(text)
    if where is None:
        name = missing[1] if missing else ""
        return InvalidParameter(
            f"the body has no {name!r}", param=name, code="missing_required_parameter"
        )
    what = text[: where.start()].replace("`", "")
    name = where["name"]
    return InvalidParameter(f"{name}{where['rest']}: {what[:300]}", param=name)


@contextmanager
def about(name: str) -> Iterator[None]:
    """Make whatever is wrong with an input of the model an error of the field *name*.

    Raises:
        InvalidParameter: In the place of any other `InvalidInput`.

    """
    try:
        yield
    except InvalidParameter:
        raise
    except InvalidInput as error:
        raise InvalidParameter(
            error.message, param=name, remedy=error.remedy
        ) from error


def number(
    name: str, value: float, low: float, high: float, *, above: bool = False
) -> float:
    """Return *value*, which lies between *low* and *high*.

    With *above*, *low* itself is out.

    Raises:
        InvalidParameter: It does not.

    """
    fine = low < value <= high if above else low <= value <= high
    if fine:  # which NaN is not
        return float(value)
    least = "above" if above else "at least"
    raise InvalidParameter(
        f"{name!r} is {value}, expected {least} {low:g} and at most {high:g}",
        param=name,
    )


def integer(name: str, value: int, low: int, high: int) -> int:
    """Return *value*, which lies between *low* and *high*.

    Raises:
        InvalidParameter: It does not.

    """
    if low <= value <= high:
        return value
    raise InvalidParameter(f"{name!r} is {value}, expected {low} to {high}", param=name)
