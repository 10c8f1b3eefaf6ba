"""Container args as typed options: ``--allowPickle=true`` is ``allowPickle: True``.

The flags of KServe's own model server are known too, so that args written for it keep
working: some have a meaning here, the others are left to the backend.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from inferry._suggest import closest
from inferry.errors import PlanningError
from inferry.planning._known import listed
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from inferry.plugins import Option

# Of kserve/model_server.py and the servers that KServe ships, and `--runtime` of ours.
# Every one takes a value but those of SWITCHES.
SERVER_FLAGS = frozenset(
    {
        "access_log_format",
        "event_loop",
        "framework",
        "grpc_max_receive_message_length",
        "grpc_max_send_message_length",
        "grpc_port",
        "http_port",
        "log_config_file",
        "max_asyncio_workers",
        "max_threads",
        "model_dir",
        "model_name",
        "nthread",
        "predictor_host",
        "predictor_path",
        "predictor_protocol",
        "predictor_request_retries",
        "predictor_request_timeout_seconds",
        "protocol",
        "runtime",
        "timeout_keep_alive",
        "workers",
    }
)
SWITCHES = frozenset(
    {
        "configure_logging",
        "enable_docs_url",
        "enable_grpc",
        "enable_latency_logging",
        "enable_predictor_health_check",
        "predictor_use_ssl",
    }
)
#: Of our own server alone: a service gives them as it gives KServe's. What says which
#: model is served, and for whom, is the controller's.
OWN_FLAGS = frozenset(
    {
        "allow_management",
        "allow_shared_memory",
        "allow_uploads",
        "api_keys",
        "drain_delay",
        "drain_timeout",
        "enable_management",
        "fast_lane",
        "forwarded_headers",
        "host",
        "jwt_audience",
        "jwt_issuer",
        "jwt_keys",
        "load_timeout",
        "log_format",
        "log_level",
        "log_requests",
        "management_port",
        "max_body_bytes",
        "max_connections",
        "max_elements",
        "max_inflate_ratio",
        "max_message_bytes",
        "middleware",
        "payload_log_ca_file",
        "payload_log_source",
        "payload_log_verify",
        "queue_size",
        "request_timeout",
        "tracing",
    }
)
_TRUE = frozenset({"1", "on", "true", "yes"})
_FALSE = frozenset({"0", "false", "no", "off"})


class OptionValue(msgspec.Struct, frozen=True, kw_only=True):
    """One option of a model with its value and who set it."""

    name: str
    value: Any
    origin: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arguments:
    """What the args of a model's container say.

    ``server`` holds the flags of KServe's server by snake_case name, each with the
    origin of the argument that was last.
    """

    options: tuple[OptionValue, ...] = ()
    server: Mapping[str, OptionValue] = field(default_factory=dict)

    def values(self) -> dict[str, Any]:
        """Return the options as `inferry.model.Model.load` takes them."""
        return {option.name: option.value for option in self.options}


NO_ARGUMENTS = Arguments()


@dataclass(frozen=True, slots=True)
class _Flag:
    name: str
    value: str | None
    origin: str


def read_arguments(
    sources: Sequence[tuple[str, Sequence[str]]],
    options: Sequence[Option],
    *,
    runtime: str,
) -> Arguments:
    """Read args in the order of *sources* (origin, args); a later one wins.

    Raises:
        PlanningError: An argument is no flag, is not known, or has the wrong type.

    """
    declared, switches = _declared(tuple(options))
    server_flags = _server_flags()
    given: dict[str, OptionValue] = {}
    server: dict[str, OptionValue] = {}
    for origin, args in sources:
        for flag in _flags(args, switches, origin):
            plain = plain_name(flag.name)
            if option := declared.get(plain):
                value = _converted(option, flag)
                given[option.name] = OptionValue(
                    name=option.name, value=value, origin=origin
                )
            elif name := server_flags.get(plain):
                server[name] = OptionValue(
                    name=name, value=flag.value or "true", origin=origin
                )
            else:
                raise _unknown(flag, options, runtime)
    defaults = (
        OptionValue(name=option.name, value=option.default, origin="default")
        for option in options
    )
    return Arguments(
        options=tuple(given.get(each.name, each) for each in defaults), server=server
    )


# A controller sees as many runtimes as are installed, and each of them always again.
@lru_cache(maxsize=256)
def _declared(
    options: tuple[Option, ...],
) -> tuple[Mapping[str, Option], frozenset[str]]:
    """Return the options by plain name, and the plain names that take no value."""
    declared = {plain_name(option.name): option for option in options}
    switches = {plain_name(name) for name in SWITCHES}
    switches |= {plain for plain, option in declared.items() if option.type == "bool"}
    return declared, frozenset(switches)


@cache
def _server_flags() -> Mapping[str, str]:
    return {plain_name(name): name for name in SERVER_FLAGS | SWITCHES | OWN_FLAGS}


def _flags(
    args: Sequence[str], switches: AbstractSet[str], origin: str
) -> Iterator[_Flag]:
    index = 0
    while index < len(args):
        text = str(args[index])
        index += 1
        if not re.match(r"--?[A-Za-z]", text):
            msg = f"{origin}: the argument {text!r} is not a flag"
            raise PlanningError(
                msg, reason=Reason.InvalidSpec, remedy="write it as --name=value"
            )
        name, equals, value = text.lstrip("-").partition("=")
        if equals:
            yield _Flag(name, value, origin)
            continue
        following = str(args[index]) if index < len(args) else None
        if _takes(plain_name(name) in switches, following):
            index += 1
            yield _Flag(name, following, origin)
        else:
            yield _Flag(name, None, origin)


def _takes(switch: bool, following: str | None) -> bool:  # noqa: FBT001 - private, one caller
    """Say whether *following* is the value of the flag before it."""
    if following is None:
        return False
    if switch:
        return following.lower() in _TRUE | _FALSE
    return not re.match(r"--[A-Za-z]", following)


def _converted(option: Option, flag: _Flag) -> bool | float | int | str:
    text = flag.value
    if option.type == "bool":
        return _boolean(option, flag)
    if text is None:
        raise _wrong(option, flag, "no value")
    try:
        if option.type == "int":
            return int(text)
        if option.type == "float":
            number = float(text)
            if math.isfinite(number):
                return number
            raise _wrong(option, flag, repr(text))
    except ValueError:
        raise _wrong(option, flag, repr(text)) from None
    return text


def _boolean(option: Option, flag: _Flag) -> bool:
    text = "true" if flag.value is None else flag.value.lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise _wrong(option, flag, repr(flag.value))


def _wrong(option: Option, flag: _Flag, given: str) -> PlanningError:
    kind, example = {
        "bool": ("true or false", "true"),
        "int": ("a whole number", "4"),
        "float": ("a number", "0.5"),
        "str": ("a text", "text"),
    }[option.type]
    return PlanningError(
        f"{flag.origin}: --{option.name} takes {kind}, not {given}",
        reason=Reason.InvalidSpec,
        remedy=f"write for example --{option.name}={example}",
    )


def _unknown(flag: _Flag, options: Sequence[Option], runtime: str) -> PlanningError:
    names = sorted(option.name for option in options)
    found = closest(flag.name, [*names, *SERVER_FLAGS, *SWITCHES, *OWN_FLAGS])
    known = f"the options of the runtime {runtime!r} are: {listed(names)}"
    return PlanningError(
        f"{flag.origin}: unknown option --{flag.name}",
        reason=Reason.InvalidSpec,
        remedy=f"did you mean --{found}? {known}" if found else known,
    )


def plain_name(name: str) -> str:
    """Return *name* as all spellings of it are compared."""
    return name.replace("_", "").replace("-", "").lower()
