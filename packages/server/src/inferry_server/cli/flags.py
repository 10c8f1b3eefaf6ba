"""The command line: KServe's flags, ours, and the options of the runtime.

A flag may be spelt in snake_case, in camelCase or with hyphens. None is ignored in
silence: each has an effect, or is reported, or is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from inferry.errors import SettingsError
from inferry.plugins import Option

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: What has an effect. Options of the runtime are declared the same way.
OWN = (
    Option(name="runtime", help="Runtime plugin that serves the model."),
    Option(name="modelClass", help="Instead of a runtime: a class as module:Class."),
    Option(name="modelName", default="model", help="Name of the model in the urls."),
    Option(name="modelDir", default="/mnt/models", help="Where the model's files are."),
    Option(name="host", help="Address to listen on; 127.0.0.1, 0.0.0.0 in Kubernetes."),
    Option(name="httpPort", type="int", default=8080, help="Port; 0 is any free one."),
    Option(
        name="concurrency", type="int", default=0, help="Calls at once; 0: model's."
    ),
    Option(name="enableDocsUrl", type="bool", default=True, help="Serve /docs."),
    Option(name="queueSize", type="int", help="Calls that may wait for the model."),
    Option(name="maxBodyBytes", type="int", help="Largest request body."),
    Option(name="requestTimeout", type="float", help="Seconds until a 504; 0: never."),
    Option(name="loadTimeout", type="float", help="Seconds a load may take; 0: any."),
    Option(name="drainDelay", type="float", help="Seconds to accept after SIGTERM."),
    Option(name="drainTimeout", type="float", help="Seconds for what is in flight."),
    Option(
        name="timeoutKeepAlive", type="float", help="Seconds of an idle connection."
    ),
    Option(
        name="workers", type="int", default=1, help="Only 1; use replicas for more."
    ),
    Option(name="logLevel", default="info", help="debug, info, warning or error."),
    Option(name="logFormat", default="text", help="text or json, one line per event."),
)
#: KServe's flags that change nothing here, with what to know instead.
WITHOUT_EFFECT = {
    "access_log_format": "there is no access log; /metrics counts the requests",
    "configure_logging": "use --log_level and --log_format",
    "enable_grpc": "gRPC is not served yet",
    "enable_latency_logging": "/metrics has the latencies",
    "event_loop": "uvloop is taken where it is installed",
    "grpc_max_receive_message_length": "gRPC is not served yet",
    "grpc_max_send_message_length": "gRPC is not served yet",
    "grpc_port": "gRPC is not served yet",
    "log_config_file": "use --log_level and --log_format",
    "max_asyncio_workers": "use --concurrency",
    "max_threads": "use --concurrency",
    "predictor_request_retries": "requests are never sent twice",
    "predictor_request_timeout_seconds": "use --request_timeout",
}
#: KServe's flags that ask for what this server cannot do.
REFUSED = {
    "enable_predictor_health_check": "transformers are not served",
    "predictor_host": "transformers are not served",
    "predictor_protocol": "transformers are not served",
    "predictor_use_ssl": "transformers are not served",
}
_SWITCHES = {"enable_grpc", "enable_latency_logging", "configure_logging"}
_TRUE = frozenset({"1", "on", "true", "yes"})
_FALSE = frozenset({"0", "false", "no", "off"})


class Flags(Struct, frozen=True):
    """A command line that was understood.

    ``own`` and ``options`` have the values by camelCase name, ``own`` only what was
    given; ``notes`` says which flags have no effect.
    """

    own: dict[str, Any]
    options: dict[str, Any]
    notes: list[str]


def parse(argv: Sequence[str], options: Iterable[Option]) -> Flags:
    """Read *argv*; *options* are what the runtime's model takes.

    Raises:
        SettingsError: Listing everything that is wrong.

    """
    theirs = {plain(option.name): option for option in options}
    ours = {plain(option.name): option for option in OWN}
    quiet = {plain(name): name for name in WITHOUT_EFFECT}
    refused = {plain(name): name for name in REFUSED}
    known = {**theirs, **ours}
    switches = {key for key, option in known.items() if option.type == "bool"}
    switches |= {plain(name) for name in _SWITCHES}
    flags = Flags({}, {option.name: option.default for option in theirs.values()}, [])
    problems: list[str] = []
    for name, text in _pairs(argv, switches, problems):
        key = plain(name)
        if key in known:
            target = flags.own if key in ours else flags.options
            _take(known[key], text, target, problems)
        elif key in quiet:
            why = WITHOUT_EFFECT[quiet[key]]
            flags.notes.append(f"--{name} has no effect: {why}")
        elif key in refused:
            problems.append(f"--{name}: {REFUSED[refused[key]]}")
        else:
            names = {*map(_snake, known), *WITHOUT_EFFECT}
            names |= {_snake(option.name) for option in known.values()}
            problems.append(f"unknown flag --{name}{_near(name, names)}")
    if problems:
        raise SettingsError("; ".join(problems), problems=problems)
    return flags


def peek(argv: Sequence[str], name: str) -> str:
    """Return the last value of the flag *name* in *argv*; nothing is checked."""
    found = ""
    for at, text in enumerate(argv):
        flag, equals, value = text.partition("=")
        if flag.startswith("-") and plain(flag) == plain(name):
            found = value if equals else "".join(argv[at + 1 : at + 2])
    return found


def usage(options: Iterable[Option], runtime: str) -> str:
    """Return the text of ``--help``."""
    lines = [
        "python -m inferry_server (--runtime NAME | --model_class MODULE:CLASS)",
        "",
    ]
    lines += [_line(option) for option in OWN]
    listed = [_line(option) for option in options]
    if listed:
        lines += ["", f"Options of the runtime {runtime}:", "", *listed]
    lines += ["", "Flags of KServe without an effect here:", ""]
    lines += [f"  --{name:32} {why}" for name, why in WITHOUT_EFFECT.items()]
    return "\n".join(lines)


def plain(name: str) -> str:
    """Return *name* as all its spellings have it in common."""
    return name.replace("_", "").replace("-", "").lower()


def _line(option: Option) -> str:
    default = "" if option.default is None else f" (default {option.default})"
    return f"  --{_snake(option.name):20} {option.help}{default}"


def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def _near(name: str, names: Iterable[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(_snake(name).replace("-", "_"), list(names), n=1)
    return f"; did you mean --{near[0]}?" if near else "; --help lists them"


def _pairs(
    argv: Sequence[str], switches: set[str], problems: list[str]
) -> Iterable[tuple[str, str | None]]:
    rest = list(argv)
    while rest:
        text = rest.pop(0)
        if not text.startswith("--"):
            problems.append(f"{text!r} is no flag; write --name=value")
            continue
        name, equals, value = text[2:].partition("=")
        if equals:
            yield name, value
        elif rest and _is_value(rest[0], switch=plain(name) in switches):
            yield name, rest.pop(0)
        else:
            yield name, None


def _is_value(text: str, *, switch: bool) -> bool:
    return text.lower() in _TRUE | _FALSE if switch else not text.startswith("--")


def _take(
    option: Option, text: str | None, target: dict[str, Any], problems: list[str]
) -> None:
    try:
        target[option.name] = _convert(option.type, text)
    except (TypeError, ValueError):
        given = "nothing" if text is None else repr(text)
        kind = {"bool": "true or false", "float": "a number", "int": "a whole number"}
        wanted = kind.get(option.type, "a value")
        problems.append(f"--{_snake(option.name)} takes {wanted}, not {given}")


def _convert(kind: str, text: str | None) -> Any:  # noqa: ANN401 - by kind
    if kind == "bool":
        word = "true" if text is None else text.lower()
        if word not in _TRUE | _FALSE:
            raise ValueError(word)
        return word in _TRUE
    if text is None:
        raise TypeError
    return {"float": float, "int": int, "str": str}[kind](text)
