"""A `curl` that works: a real request for a model, made from its metadata."""

from __future__ import annotations

import json
import shlex
import urllib.error
import urllib.request
from math import prod
from typing import Any
from urllib.parse import quote

#: A request with more numbers than this is made by Python on the way, not written out.
_MAX_NUMBERS = 64
_SECONDS = 10.0
_MAX_ANSWER = 4 * 1024 * 1024


def example(url: str, model: str, *, opened: Any = None) -> str:  # noqa: ANN401 - a urllib opener
    """Ask the model at *url* what it takes, and return a command that asks it.

    A model that does not say what it takes gets V1's simplest request.
    """
    opener = opened or urllib.request.build_opener(urllib.request.ProxyHandler({}))
    path = f"{url.rstrip('/')}/v2/models/{quote(model, safe='')}"
    metadata: Any = None
    try:
        # Only http to the address that the supervisor itself listens on.
        with opener.open(path, timeout=_SECONDS) as answer:
            metadata = json.loads(answer.read(_MAX_ANSWER))
    except (OSError, ValueError):
        pass
    inputs = metadata.get("inputs") if isinstance(metadata, dict) else None
    if not inputs:
        return v1_command(url, model)
    return v2_command(url, model, inputs)


def v1_command(url: str, model: str) -> str:
    """Return a V1 request; its body is a guess where the model does not say."""
    target = f"{url.rstrip('/')}/v1/models/{quote(model, safe='')}:predict"
    return f"""curl {shlex.quote(target)} -d '{{"instances": [[1.0, 2.0]]}}'"""


def v2_command(url: str, model: str, inputs: list[dict[str, Any]]) -> str:
    """Return a V2 request with the right names, shapes and datatypes."""
    target = shlex.quote(f"{url.rstrip('/')}/v2/models/{quote(model, safe='')}/infer")
    tensors = [tensor(item) for item in inputs]
    if sum(len(each["data"]) for each in tensors) <= _MAX_NUMBERS:
        body = shlex.quote(json.dumps({"inputs": tensors}))
        return f"curl {target} -d {body}"
    parts = ", ".join(_as_python(each) for each in tensors)
    code = f"import json; print(json.dumps({{'inputs': [{parts}]}}))"
    return f"python3 -c {shlex.quote(code)} | curl {target} -d @-"


def tensor(item: dict[str, Any]) -> dict[str, Any]:
    """Return one tensor of the smallest size that the input allows."""
    shape = [1 if size < 0 else int(size) for size in item["shape"]]
    count = prod(shape)
    datatype = str(item["datatype"])
    if count > _MAX_NUMBERS:
        data = [_value(datatype, 0)] * count
    else:
        data = [_value(datatype, index) for index in range(count)]
    return {"name": item["name"], "shape": shape, "datatype": datatype, "data": data}


def _value(datatype: str, index: int) -> object:
    if datatype == "BYTES":
        return "text"
    if datatype == "BOOL":
        return True
    if datatype.startswith(("FP", "BF")):
        return round(0.5 + index % 10, 1)
    return index % 10


def _as_python(tensor: dict[str, Any]) -> str:
    data = tensor["data"]
    written = f"[{data[0]!r}] * {len(data)}" if len(data) > _MAX_NUMBERS else repr(data)
    head = {key: tensor[key] for key in ("name", "shape", "datatype")}
    return f"{repr(head)[:-1]}, 'data': {written}}}"
