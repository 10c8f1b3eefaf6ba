"""How answers are drawn: the fields of a body as the engine's `Sampling`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UnsetType

from inferry.openai import InvalidParameter
from inferry_runtime_huggingface.generation.engine import Grammar, Sampling
from inferry_runtime_huggingface.openai.fields import integer, number

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry_runtime_huggingface.openai.bodies import Generating

__all__ = ["grammar_of", "sampling_of", "schema_grammar"]

_STOPS = 16
_LONGEST_STOP = 1000
_BIASES = 1024
_LOGPROBS = 20
#: What may be drawn otherwise by default: ``generation_config.json`` says how.
_DEFAULTS = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "min_p": 0.0,
    "repetition_penalty": 1.0,
}


def sampling_of(
    asked: Generating,
    *,
    max_tokens: int,
    vocabulary: int,
    defaults: Mapping[str, Any],
    grammar: Grammar | None = None,
    logprobs: int | None = None,
    prompt_logprobs: bool = False,
) -> Sampling:
    """Return how *asked* wants answers drawn, from so many tokens of a *vocabulary*.

    *defaults* are the model's own.

    Raises:
        InvalidParameter: A field is out of its range.

    """
    if asked.stream_options is not None and not asked.stream:
        raise InvalidParameter(
            "'stream_options' wants 'stream' to be true", param="stream_options"
        )
    if logprobs is not None:
        integer("logprobs", logprobs, 0, _LOGPROBS)
    top_k = int(_given(asked, "top_k", defaults))
    return Sampling(
        max_tokens=max_tokens,
        min_tokens=integer("min_tokens", asked.min_tokens, 0, max(max_tokens, 0)),
        temperature=_number(asked, "temperature", defaults, 0, 2),
        top_p=_number(asked, "top_p", defaults, 0, 1, above=True),
        top_k=0 if top_k == -1 else integer("top_k", top_k, 0, 1 << 31),
        min_p=_number(asked, "min_p", defaults, 0, 1),
        repetition_penalty=_number(
            asked, "repetition_penalty", defaults, 0, 10, above=True
        ),
        seed=asked.seed,
        presence_penalty=number("presence_penalty", asked.presence_penalty, -2, 2),
        frequency_penalty=number("frequency_penalty", asked.frequency_penalty, -2, 2),
        logit_bias=_biases(asked.logit_bias, vocabulary),
        stop=_stops(asked.stop),
        stop_token_ids=_ids(asked.stop_token_ids, vocabulary),
        ignore_eos=asked.ignore_eos,
        skip_special_tokens=asked.skip_special_tokens,
        logprobs=logprobs,
        prompt_logprobs=prompt_logprobs,
        grammar=grammar,
    )


def _given(asked: Generating, name: str, defaults: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a number
    value = getattr(asked, name)
    if not isinstance(value, UnsetType):
        return value
    own = defaults.get(name)
    return _DEFAULTS[name] if own is None else own


def _number(
    asked: Generating,
    name: str,
    defaults: Mapping[str, Any],
    low: float,
    high: float,
    *,
    above: bool = False,
) -> float:
    return number(name, _given(asked, name, defaults), low, high, above=above)


def _biases(given: Mapping[str, float], vocabulary: int) -> dict[int, float]:
    if len(given) > _BIASES:
        raise InvalidParameter(
            f"'logit_bias' has {len(given)} tokens, at most {_BIASES} may be biased",
            param="logit_bias",
        )
    biases = {}
    for key, value in given.items():
        if not (key.isascii() and key.isdigit()) or int(key[:12]) >= vocabulary:
            raise InvalidParameter(
                f"'logit_bias' has {key[:40]!r}, which is no token id below "
                f"{vocabulary}",
                param="logit_bias",
            )
        biases[int(key)] = number("logit_bias", value, -100, 100)
    return biases


def _stops(given: str | list[str]) -> tuple[str, ...]:
    stops = (given,) if isinstance(given, str) else tuple(given)
    if len(stops) > _STOPS:
        raise InvalidParameter(
            f"'stop' has {len(stops)} texts, at most {_STOPS} are sought", param="stop"
        )
    if any(not stop or len(stop) > _LONGEST_STOP for stop in stops):
        raise InvalidParameter(
            f"'stop' has a text that is empty or longer than {_LONGEST_STOP} letters",
            param="stop",
        )
    return stops


def _ids(given: list[int], vocabulary: int) -> tuple[int, ...]:
    for token in given:
        integer("stop_token_ids", token, 0, vocabulary - 1)
    return tuple(given[:_BIASES])


def grammar_of(asked: Generating) -> Grammar | None:
    """Return what the text must be, None where anything goes.

    Raises:
        InvalidParameter: It is said twice, or not at all.

    """
    found = [
        (name, grammar)
        for name, grammar in (
            ("response_format", _format(asked)),
            ("structured_outputs", _structured(asked)),
            ("guided_json", _schema("guided_json", asked.guided_json)),
            ("guided_regex", _plain("regex", asked.guided_regex)),
            ("guided_choice", _choice("guided_choice", asked.guided_choice)),
            ("guided_grammar", _plain("lark", asked.guided_grammar)),
        )
        if grammar is not None
    ]
    if len(found) > 1:
        (first, _), (second, _), *_ = found
        raise InvalidParameter(
            f"{first!r} and {second!r} both say what the answer must be; keep one",
            param=second,
        )
    if not found:
        return None
    ((name, grammar),) = found
    return msgspec.structs.replace(grammar, param=name)


def schema_grammar(schema: object, param: str = "") -> Grammar:
    """Return the grammar of JSON that fits *schema*, which *param* of a body holds."""
    return Grammar(kind="json_schema", text=json.dumps(schema), param=param)


def _format(asked: Generating) -> Grammar | None:
    given = asked.response_format
    if given is None or given.type == "text":
        return None
    if given.type == "json_object":
        return schema_grammar({"type": "object"})
    if given.type == "json_schema" and given.json_schema is not None:
        schema = given.json_schema.schema
        return schema_grammar({} if schema is None else schema)
    text = given.regex if given.type == "regex" else given.grammar
    if given.type == "json_schema" or text is None:
        raise InvalidParameter(
            f"'response_format' is of type {given.type} and does not say which",
            param="response_format",
        )
    return _plain(given.type, text)


def _structured(asked: Generating) -> Grammar | None:
    given = asked.structured_outputs
    if given is None:
        return None
    name = "structured_outputs"
    found = [
        grammar
        for grammar in (
            _schema(name, given.json),
            _plain("regex", given.regex),
            _choice(name, given.choice),
            _plain("lark", given.grammar),
            schema_grammar({"type": "object"}) if given.json_object else None,
        )
        if grammar is not None
    ]
    if len(found) != 1:
        raise InvalidParameter(
            f"{name!r} wants just one of json, regex, choice, grammar and json_object",
            param=name,
        )
    return found[0]


def _schema(name: str, given: dict[str, Any] | str | None) -> Grammar | None:
    if given is None:
        return None
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            raise InvalidParameter(
                f"{name!r} is no JSON schema: it is no JSON", param=name
            ) from None
    return schema_grammar(given)


def _plain(kind: Any, text: str | None) -> Grammar | None:  # noqa: ANN401 - of Grammar
    return None if text is None else Grammar(kind=kind, text=text)


def _choice(name: str, given: list[str] | None) -> Grammar | None:
    if given is None:
        return None
    if not given or not all(given):
        raise InvalidParameter(f"{name!r} has an empty choice", param=name)
    choices = " | ".join(map(json.dumps, given))
    return Grammar(kind="lark", text=f"start: {choices}")
