"""From flags to what the server takes: its settings, and the spec of each model."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.errors import SettingsError
from inferry_server.cli.flags import snake
from inferry_server.http import cloudevents
from inferry_server.settings import ServerSettings
from inferry_server.states import Batching, ModelSpec, PayloadLog, Predictor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inferry.plugins import Option
    from inferry_server.cli.chosen import Choice, Chosen
    from inferry_server.cli.flags import Flags

#: How long the endpoints of a Service still send requests to a pod that is going.
_CLUSTER_DRAIN_DELAY = 5.0
_MODEL_DIR = "/mnt/models"
_GRPC_PORT = 8081
_MANAGEMENT_PORT = 8082
_LARGEST_MESSAGE = 2**31 - 1
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?\Z")
_TO_SETTING = {
    "host": "host",
    "httpPort": "http_port",
    "allowManagement": "allow_management",
    "allowUploads": "allow_uploads",
    "allowSharedMemory": "allow_shared_memory",
    "apiKeys": "api_keys",
    "jwtKeys": "jwt_keys",
    "jwtIssuer": "jwt_issuer",
    "jwtAudience": "jwt_audience",
    "middleware": "middleware",
    "tracing": "tracing",
    "logRequests": "log_requests",
    "fastLane": "fast_lane",
    "enableDocsUrl": "docs",
    "queueSize": "queue_size",
    "memoryBudget": "memory_budget",
    "maxBodyBytes": "max_body_bytes",
    "maxMessageBytes": "max_message_bytes",
    "maxElements": "max_elements",
    "maxInflateRatio": "max_inflate_ratio",
    "maxConnections": "max_connections",
    "forwardedHeaders": "forwarded_headers",
    "requestTimeout": "request_timeout",
    "loadTimeout": "load_timeout",
    "drainDelay": "drain_delay",
    "drainTimeout": "drain_timeout",
    "timeoutKeepAlive": "keep_alive_timeout",
}


def default_of(option: Option) -> str:
    """Return what holds where the flag *option* is not given, "" for nothing."""
    default = option.default
    if default is None and option.name in _TO_SETTING:
        default = getattr(ServerSettings(), _TO_SETTING[option.name])
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return "" if default in (None, (), "") else str(default)


def in_cluster() -> bool:
    """Whether this process runs in a pod."""
    return "KUBERNETES_SERVICE_HOST" in os.environ


def settings(flags: Flags, choice: Choice) -> ServerSettings:
    """Return the settings of the server: of the file, then of the command line.

    Raises:
        SettingsError: There are to be several processes.

    """
    given = flags.server
    if given.get("workers", 1) != 1:
        raise SettingsError(
            f"--workers is {given['workers']}: a server is one process; start more "
            "replicas instead (spec.predictor.minReplicas)"
        )
    fields: dict[str, Any] = {
        "host": "0.0.0.0" if in_cluster() else "127.0.0.1",  # noqa: S104 - a pod needs it
        "drain_delay": _CLUSTER_DRAIN_DELAY if in_cluster() else 0.0,
        **choice.section,
        **cloudevents.from_environment(os.environ),
        **_message_bytes(given),
    }
    told = {_TO_SETTING[name]: given[name] for name in given if name in _TO_SETTING}
    return ServerSettings.of(fields, **{**told, **_ports(given)})


def _message_bytes(given: Mapping[str, Any]) -> dict[str, int]:
    for name in ("grpcMaxReceiveMessageLength", "grpcMaxSendMessageLength"):
        if name in given:
            size = given[name]
            return {"max_message_bytes": _LARGEST_MESSAGE if size < 0 else size}
    return {}


def _ports(given: Mapping[str, Any]) -> dict[str, int | None]:
    """Return the ports beside HTTP's; where that is any, so are those nobody chose."""
    any_free = given.get("httpPort") == 0
    grpc = given.get("grpcPort", 0 if any_free else _GRPC_PORT)
    management = given.get("managementPort", 0 if any_free else _MANAGEMENT_PORT)
    return {
        "grpc_port": grpc if given.get("enableGrpc", True) else None,
        "management_port": management if given.get("enableManagement", True) else None,
    }


def specs(flags: Flags, choice: Choice) -> list[ModelSpec]:
    """Return the spec of every model.

    Raises:
        SettingsError: What is said of a predictor does not fit together.

    """
    _check_predictors(flags, choice)
    return [_spec(chosen, flags) for chosen in choice.models]


def repositories(flags: Flags, choice: Choice) -> list[ModelSpec]:
    """Return what each model of a repository is like; ``path`` is the folder."""
    return [_spec(chosen, flags) for chosen in choice.repositories]


def _spec(chosen: Chosen, flags: Flags) -> ModelSpec:
    own = flags.of(chosen.name)
    path = chosen.path or flags.server.get("modelDir", _MODEL_DIR)
    return ModelSpec(
        name=chosen.name,
        target=chosen.target,
        path=Path(path),
        runtime=chosen.runtime,
        options=flags.options[chosen.name],
        concurrency=own.get("concurrency", 0),
        install=chosen.install,
        batching=_batching(own),
        payload_log=_payload_log(own, chosen.name),
        predictor=_predictor(chosen, flags),
        service=own.get("serviceName", ""),
        namespace=own.get("namespace", ""),
        isolated=own.get("isolated", False),
    )


def _batching(own: Mapping[str, Any]) -> Batching | None:
    given = _some(own, {"batchMaxSize": "max_size", "batchMaxDelay": "max_delay"})
    if not given or given.get("max_size") == 0:
        return None
    return Batching(**given)


def _payload_log(own: Mapping[str, Any], name: str) -> PayloadLog | None:
    if not own.get("payloadLogUrl"):
        if any(flag.startswith("payloadLog") for flag in own):
            raise SettingsError(
                f"model {name!r}: say with --payload_log_url where the payloads go"
            )
        return None
    return PayloadLog(
        url=own["payloadLogUrl"],
        **_some(
            own,
            {
                "payloadLogMode": "mode",
                "payloadLogFormat": "format",
                "payloadLogBatchSize": "batch_size",
                "payloadLogBatchInterval": "batch_interval",
                "payloadLogSource": "source",
                "payloadLogCaFile": "ca_file",
                "payloadLogVerify": "verify",
            },
        ),
        metadata_headers=_lower(own.get("payloadLogHeaders", ())),
        metadata_annotations=_texts(own, "payloadLogAnnotations"),
        parameters=_texts(own, "payloadLogParameters"),
        component=own.get("payloadLogComponent")
        or ("transformer" if own.get("predictorHost") else "predictor"),
    )


def _texts(own: Mapping[str, Any], name: str) -> dict[str, str]:
    """Return the JSON object of texts that a flag holds."""
    try:
        return msgspec.json.decode(own.get(name) or "{}", type=dict[str, str])
    except msgspec.DecodeError:
        raise SettingsError(
            f'--{snake(name)} is no JSON object of texts, such as {{"team": "vision"}}'
        ) from None


def _predictor(chosen: Chosen, flags: Flags) -> Predictor | None:
    """Return what stands behind a class; a runtime's model is a predictor itself."""
    own = flags.of(chosen.name)
    given = [flag for flag in own if "redictor" in flag]
    if chosen.runtime:
        alone = [flag for flag in flags.for_one[chosen.name] if flag in given]
        if alone:
            raise SettingsError(
                f"--{chosen.name}.{snake(alone[0])}: the runtime {chosen.runtime!r} is "
                "a predictor itself; a transformer is a class, NAME=module:Class"
            )
        return None
    host = own.get("predictorHost", "")
    if not host:
        if given:
            raise SettingsError(
                f"--{snake(given[0])}: say with --predictor_host where the predictor is"
            )
        return None
    if not _HOST.match(host):
        raise SettingsError(
            f"--predictor_host is {host!r}, expected host[:port]; --predictor_use_ssl "
            "is what https:// says"
        )
    told = _some(
        own,
        {
            "predictorProtocol": "protocol",
            "predictorModel": "model",
            "predictorUseSsl": "use_tls",
            "predictorRequestTimeoutSeconds": "timeout",
            "predictorRequestRetries": "retries",
            "enablePredictorHealthCheck": "check_health",
            "predictorForwardedHeaders": "forwarded_headers",
        },
    )
    if "forwarded_headers" in told:
        told["forwarded_headers"] = _lower(told["forwarded_headers"])
    return Predictor(host=host, **told)


def _check_predictors(flags: Flags, choice: Choice) -> None:
    if "predictorHost" in flags.for_all and all(one.runtime for one in choice.models):
        raise SettingsError(
            "--predictor_host: a transformer is a class, and here is none; name one "
            "with --model_class module:Class or --model NAME=module:Class"
        )


def _some(own: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {field: own[name] for name, field in names.items() if name in own}


def _lower(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)
