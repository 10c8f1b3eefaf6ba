"""``inferry predict``: ask a service, from values, JSON, or a file."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from inferry.cli import _npy
from inferry.cli._backend import backend_options, find, namespace_of, namespace_option
from inferry.cli._http import Server
from inferry.cli._tables import pretty, table
from inferry.cli._tensors import (
    Body,
    from_array,
    from_bytes,
    from_csv,
    from_values,
    inputs_of,
    json_body,
)
from inferry.errors import BackendError, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.cli._backend import Target
    from inferry.cli._tensors import Input

#: Phases of a service that would let a request wait for nothing.
_SILENT = frozenset({"Failed", "Stopped"})
_NOT_FOUND = 404
_NOT_ALLOWED = 405
_NOT_IMPLEMENTED = 501


def _headers(
    _ctx: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> dict[str, str]:
    headers = {}
    for value in values:
        name, colon, text = value.partition(":")
        if not colon or not name.strip() or "\n" in value or "\r" in value:
            msg = f"{value!r} must read NAME:VALUE"
            raise click.BadParameter(msg)
        headers[name.strip()] = text.strip()
    return headers


@click.command()
@click.argument("name")
@click.option(
    "--data", metavar="VALUES", help="Values as JSON: '[[5.1, 3.5, 1.4, 0.2]]'."
)
@click.option("--json", "body", metavar="BODY", help="A whole request, V1 or V2.")
@click.option(
    "--file",
    metavar="PATH",
    help="A request (.json), an array (.npy), rows (.csv), or a file's bytes.",
)
@click.option("--url", help="Where the service is; default: what the backend says.")
@click.option("--protocol", type=click.Choice(["v1", "v2"]), help="Default: what fits.")
@click.option(
    "-H",
    "--header",
    "headers",
    multiple=True,
    metavar="NAME:VALUE",
    callback=_headers,
    help="A header to send; may be repeated.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="Seconds to wait for the answer.",
)
@click.option(
    "-o",
    "--output",
    type=click.Choice(["json", "table"]),
    default="json",
    show_default=True,
    help="The answer as it came, or a row per example.",
)
@namespace_option
@backend_options
def predict(
    *,
    name: str,
    data: str | None,
    body: str | None,
    file: str | None,
    url: str | None,
    protocol: str | None,
    headers: Mapping[str, str],
    timeout: float,
    output: str,
    namespace: str | None,
    target: Target,
) -> None:
    """Ask the service NAME for a prediction; `-` as a value or file is stdin."""
    given = [value for value in (data, body, file) if value is not None]
    if len(given) != 1:
        msg = "give one of --data, --json and --file"
        raise click.UsageError(msg)
    model, hint = name, ""
    if url is None:
        backend = target.connect()
        where = namespace_of(backend, namespace)
        status = asyncio.run(find(backend, where, name))
        if not status.url or status.phase in _SILENT:
            why = f": {status.message}" if status.message else ""
            msg = f"{name} cannot answer, it is {status.phase}{why}"
            raise BackendError(msg, remedy=status.remedy or f"inferry describe {name}")
        url, model = status.url, status.model or name
        reaching = getattr(backend, "reaching", None)
        hint = reaching(status) if reaching is not None else ""
    server = Server(url=url, headers=headers, timeout=timeout, hint=hint)
    question = _Question(server=server, model=model, protocol=protocol)
    if data is not None:
        answer = question.values(_parsed(_text(data), "--data"))
    elif body is not None:
        answer = question.request(_parsed(_text(body), "--json"))
    else:
        answer = question.file(str(file))
    click.echo(table(answer) if output == "table" else pretty(answer))


@dataclass(frozen=True, kw_only=True)
class _Question:
    """One model on one server, and the protocol to speak, if that was said."""

    server: Server
    model: str
    protocol: str | None

    def request(self, body: Any) -> Any:  # noqa: ANN401 - any JSON
        """Send a whole request; its keys say which protocol it is."""
        keys = body.keys() if isinstance(body, dict) else set()
        protocol = self.protocol
        if protocol is None and "instances" in keys:
            protocol = "v1"
        elif protocol is None and "inputs" in keys:
            protocol = "v2"
        if protocol is None:
            msg = "this is neither a V1 nor a V2 request"
            remedy = 'a V1 request has "instances", a V2 request "inputs"; '
            raise InvalidInput(msg, remedy=remedy + "plain values belong to --data")
        return self._send(protocol, json_body(body))

    def values(self, values: Any) -> Any:  # noqa: ANN401 - any JSON
        """Send plain values, as the tensors that the model's metadata asks for."""
        inputs = self._inputs()
        if inputs:
            return self._send("v2", from_values(values, inputs))
        rows = values if isinstance(values, list) else [values]
        return self._send("v1", json_body({"instances": rows}))

    def file(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        """Send a file as its name says."""
        content = _content(name)
        suffix = Path(name).suffix.lower() if name != "-" else ".json"
        if suffix == ".json":
            return self.request(_parsed(content, name))
        inputs = self._inputs()
        if not inputs:
            return self._send("v1", _v1_file(content, suffix, name))
        if suffix == ".npy":
            return self._send("v2", from_array(_npy.parse(content, file=name), inputs))
        if suffix == ".csv":
            return self._send("v2", from_csv(_decoded(content, name), inputs))
        return self._send("v2", from_bytes(content, inputs))

    def _inputs(self) -> list[Input]:
        """Ask what the model takes; nothing where it does not say, or V1 is wanted."""
        if self.protocol == "v1":
            return []
        answer = self.server.get(f"/v2/models/{quote(self.model, safe='')}")
        v1_only = {_NOT_FOUND, _NOT_ALLOWED, _NOT_IMPLEMENTED}
        if answer.status in v1_only and self.protocol is None:
            return []
        if not answer.ok:
            raise _refused(answer.status, answer.error())
        inputs = inputs_of(answer.json())
        if not inputs and self.protocol == "v2":
            msg = f"the model {self.model} does not say what it takes"
            raise InvalidInput(msg, remedy="write the whole request as --json")
        return inputs

    def _send(self, protocol: str, body: Body) -> Any:  # noqa: ANN401 - any JSON
        model = quote(self.model, safe="")
        path = f"/v1/models/{model}:predict"
        if protocol == "v2":
            path = f"/v2/models/{model}/infer"
        answer = self.server.post(path, body.content, body.headers)
        if not answer.ok:
            raise _refused(answer.status, answer.error())
        return answer.json()


def _refused(status: int, error: str) -> BackendError:
    return BackendError(f"the server answered {status}: {error}")


def _v1_file(content: bytes, suffix: str, name: str) -> Body:
    if suffix == ".csv":
        from inferry.cli._tensors import csv_rows

        return json_body({"instances": csv_rows(_decoded(content, name))})
    if suffix == ".npy":
        return json_body({"instances": _npy.parse(content, file=name).nested()})
    return json_body({"instances": [{"b64": base64.b64encode(content).decode()}]})


def _text(value: str) -> bytes | str:
    return sys.stdin.buffer.read() if value == "-" else value


def _content(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(name).read_bytes()
    except OSError as error:
        msg = f"{name} cannot be read: {error.strerror}"
        raise InvalidInput(msg) from None


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        msg = f"{name} is no UTF-8 text"
        raise InvalidInput(msg) from None


def _parsed(text: bytes | str, where: str) -> Any:  # noqa: ANN401 - any JSON
    try:
        return json.loads(text)
    except ValueError as error:
        msg = f"{where}: this is no JSON: {error}"
        raise InvalidInput(msg, remedy=_json_remedy(text, where)) from None


def _json_remedy(text: bytes | str, where: str) -> str:
    """Say what to write; ``@file`` is how curl would take a file."""
    if isinstance(text, str) and text.startswith("@"):
        return f"to send a file, write --file {text[1:]}"
    if where == "--data":
        return "write numbers as '[[1, 2]]' and text as '[\"text\"]', in single quotes"
    return ""
