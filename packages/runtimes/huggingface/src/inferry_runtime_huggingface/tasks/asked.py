"""Read how a request of V1 or V2 wants its answers: text in, parameters beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import InvalidInput
from inferry.model import TensorSpec
from inferry.runtime import outputs, tensors
from inferry_runtime_huggingface.generation.engine import Grammar, Sampling

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.model import InferRequest

__all__ = ["INPUT", "OUTPUT", "OUTPUTS", "Asked", "asked", "defaults_of"]

#: As the clients of Triton's generate extension send and read it.
INPUT = TensorSpec(name="text_input", datatype="BYTES", shape=(-1,))
OUTPUT = TensorSpec(name="text_output", datatype="BYTES", shape=(-1,))
#: The text, and what comes beside it where it is asked for by name.
OUTPUTS = {
    each.name: each
    for each in (
        OUTPUT,
        TensorSpec(name="finish_reason", datatype="BYTES", shape=(-1,)),
        TensorSpec(name="prompt_tokens", datatype="INT64", shape=(-1,)),
        TensorSpec(name="completion_tokens", datatype="INT64", shape=(-1,)),
    )
}

DEFAULT_TOKENS = 128
_MOST = 1 << 31
_ALIASES = {"max_new_tokens": "max_tokens", "min_new_tokens": "min_tokens"}
#: What the protocols put beside the parameters of a model.
_OTHERS = frozenset(
    {
        "binary_data_output",
        "exclude_input_in_output",
        "priority",
        "sequence_end",
        "sequence_id",
        "sequence_start",
        "stream",
        "timeout",
        "triton_enable_empty_final_response",
    }
)
_GRAMMARS = {"json_schema": "json_schema", "regex": "regex", "grammar": "lark"}
#: Name -> type, least, greatest.
_NUMBERS: Mapping[str, tuple[type, float, float]] = {
    "max_tokens": (int, 1, _MOST),
    "min_tokens": (int, 0, _MOST),
    "temperature": (float, 0, 100),
    "top_p": (float, 0, 1),
    "top_k": (int, -1, _MOST),
    "min_p": (float, 0, 1),
    "seed": (int, -(1 << 63), 1 << 63),
    "presence_penalty": (float, -2, 2),
    "frequency_penalty": (float, -2, 2),
    "repetition_penalty": (float, 0.01, 100),
}
_FLAGS = frozenset({"ignore_eos", "skip_special_tokens", "do_sample"})
_DRAWN = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The prompts of one request, and how they are answered.

    ``echo`` says that the answer begins with the prompt.
    """

    prompts: tuple[str, ...]
    sampling: Sampling
    echo: bool = False


def asked(request: InferRequest, defaults: Mapping[str, Any], *, whole: bool) -> Asked:
    """Return what *request* asks for; *defaults* is what it leaves open.

    Raises:
        InvalidInput: An input or a parameter is unknown, or not as it must be.

    """
    outputs.wanted(request.outputs, OUTPUTS)
    given = tensors.by_name({INPUT.name: INPUT}, request.inputs)[INPUT.name]
    parameters = _parameters(request.parameters)
    return Asked(
        prompts=tuple(tensors.texts(given)),
        sampling=_sampling(parameters, defaults, whole=whole),
        echo=parameters.get("exclude_input_in_output") is False,
    )


def defaults_of(config: Any) -> dict[str, Any]:  # noqa: ANN401 - a GenerationConfig
    """Return what generation_config.json says of how a model's answers are drawn."""
    found = {
        name: value
        for name in _DRAWN
        if isinstance(value := getattr(config, name, None), (int, float))
    }
    if getattr(config, "do_sample", None) is False:
        found["temperature"] = 0.0
    most = getattr(config, "max_new_tokens", None)
    return found | ({"max_tokens": most} if isinstance(most, int) and most > 0 else {})


def _parameters(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return *given* with what V1's clients put in an object of its own."""
    found = dict(given)
    nested = found.pop("parameters", {})
    if not isinstance(nested, dict):
        raise InvalidInput("'parameters' is no object")
    found |= nested
    return {_ALIASES.get(name, name): value for name, value in found.items()}


def _sampling(
    given: Mapping[str, Any], defaults: Mapping[str, Any], *, whole: bool
) -> Sampling:
    fields: dict[str, Any] = {"max_tokens": DEFAULT_TOKENS, **defaults, "whole": whole}
    for name, value in given.items():
        if name in _NUMBERS:
            fields[name] = _number(name, value)
        elif name in _FLAGS:
            fields[name] = _flag(name, value)
        elif name == "stop":
            fields[name] = _stop(value)
        elif name in _GRAMMARS:
            fields["grammar"] = _grammar(name, value, fields.get("grammar"))
        elif name not in _OTHERS:
            known = sorted({*_NUMBERS, *_FLAGS, *_GRAMMARS, "stop"})
            raise InvalidInput(
                f"unknown parameter {name[:100]!r}; the model takes {', '.join(known)}"
            )
    fields["top_k"] = max(fields.get("top_k", 0), 0)
    if fields.pop("do_sample", None) is False:
        fields["temperature"] = 0.0
    if fields["max_tokens"] < fields.get("min_tokens", 0):
        raise InvalidInput(
            f"parameter 'min_tokens' is {fields['min_tokens']}, more than max_tokens "
            f"({fields['max_tokens']})"
        )
    return Sampling(**fields)


def _number(name: str, value: object) -> float:
    kind, least, most = _NUMBERS[name]
    allowed = (int,) if kind is int else (int, float)
    above = name == "top_p"
    if (
        type(value) not in allowed
        or not least <= value <= most  # type: ignore[operator] # a number, as just seen
        or (above and value == least)
    ):
        word = "an integer" if kind is int else "a number"
        low = f"above {least}" if above else f"from {least}"
        raise InvalidInput(
            f"parameter {name!r} is {str(value)[:40]!r}, expected {word} {low} to "
            f"{most}"
        )
    return kind(value)  # type: ignore[no-any-return] # int or float


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(
            f"parameter {name!r} is {str(value)[:40]!r}, expected true or false"
        )
    return value


def _stop(value: object) -> tuple[str, ...]:
    texts = [value] if isinstance(value, str) else value
    if (
        not isinstance(texts, list)
        or not all(isinstance(each, str) and each for each in texts)
        or len(texts) > 16  # noqa: PLR2004 - as the OpenAI routes take
        or sum(map(len, texts)) > 4096  # noqa: PLR2004 - each is sought after each token
    ):
        raise InvalidInput(
            "parameter 'stop' must be a text, or a list of at most 16 texts"
        )
    return tuple(texts)


def _grammar(name: str, value: object, before: Grammar | None) -> Grammar:
    if not isinstance(value, str):
        raise InvalidInput(f"parameter {name!r} is no text")
    if before is not None:
        raise InvalidInput(f"one of {', '.join(_GRAMMARS)} can be asked for, not more")
    return Grammar(kind=_GRAMMARS[name], text=value)  # type: ignore[arg-type] # its kinds
