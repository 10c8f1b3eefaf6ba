"""Configurations that name code to be run."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterator

_LARGEST = 16 << 20
#: Hugging Face's loaders import what these name from the model's own files.
_CODE_KEYS = ("auto_map", "custom_pipelines")
#: Keras makes objects of the class that is named, out of the module that is named.
_KERAS = re.compile(r"(tf_)?keras(_hub|_cv|_nlp)?(\.(?!utils)\w+)*")
_LAMBDAS = {"Lambda", "__lambda__"}
_KERAS_TEXT = re.compile(rb'"module"\s*:\s*"([^"]*)"')
_FUNCTION_TEXT = re.compile(
    rb'"module"\s*:\s*"builtins"\s*,\s*"class_name"\s*:\s*"function"'
)
_LAMBDA_TEXT = re.compile(rb'"(?:Lambda|__lambda__)"')
# JSON has no need to write letters so, but could hide words from a search.
_ESCAPED_LETTER = re.compile(rb"\\u00[2-7][0-9a-fA-F]")


def in_json(file: BinaryIO, name: str, size: int) -> str:
    """Say what code the configuration in *file* names, if *name* is one's name."""
    if "config" not in name and name != "model_index.json":
        return ""
    if size > _LARGEST:
        return "is a configuration too large to be looked into"
    try:
        pairs = json.loads(file.read(), object_pairs_hook=list)
        return next(_found(pairs), "")
    except RecursionError:
        return "is a configuration too deep to be looked into"
    except ValueError:
        # Whatever this is, no loader of configurations can read it.
        return ""


def in_hdf5(window: bytes, until: int) -> str:
    """Say what code the configuration of a Keras model names, in a part of its file.

    What begins at *until* or later is of the next part.
    """
    if _LAMBDA_TEXT.search(window):
        return "has a Lambda layer, which is Python code"
    for found in _KERAS_TEXT.finditer(window):
        module = found[1].decode("utf-8", "replace")
        function = _FUNCTION_TEXT.match(window, found.start())
        if found.start() < until and not (_KERAS.fullmatch(module) or function):
            return f"names the Python module {module!r}"
    if _ESCAPED_LETTER.search(window):
        return "hides letters of its configuration"
    return ""


def _found(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON of any shape
    """Yield what names code; objects are pairs, as a key may be there twice."""
    if not isinstance(value, list):
        return
    pairs = [each for each in value if isinstance(each, tuple)]
    keys = {key for key, _ in pairs}
    for key, inner in pairs:
        if key in _CODE_KEYS and inner:
            yield f"names code of its own ({key})"
        if key == "class_name" and inner in _LAMBDAS:
            yield "has a Lambda layer, which is Python code"
        if key == "module" and "class_name" in keys and not _is_keras(inner, pairs):
            yield f"names the Python module {inner!r}"
        yield from _found(inner)
    for each in value:
        if not isinstance(each, tuple):
            yield from _found(each)


def _is_keras(module: Any, pairs: list[tuple[str, Any]]) -> bool:  # noqa: ANN401 - JSON
    if module is None:
        return True
    if module == "builtins":
        return ("class_name", "function") in pairs
    return isinstance(module, str) and bool(_KERAS.fullmatch(module))
