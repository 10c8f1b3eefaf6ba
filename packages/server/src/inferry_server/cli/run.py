"""The process: start, load, wait for a signal, drain."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inferry.errors import BackendError, InferryError, SettingsError
from inferry_server.cli import flags as command_line
from inferry_server.cli.chosen import choose
from inferry_server.cli.logs import FORMATS, LEVELS, set_up
from inferry_server.server import ModelServer
from inferry_server.settings import ServerSettings
from inferry_server.states import ModelSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inferry_server.cli.chosen import Chosen
    from inferry_server.cli.flags import Flags

logger = logging.getLogger("inferry_server")

_USAGE_ERROR = 2
#: How long the endpoints of a Service still send requests to a pod that is going.
_CLUSTER_DRAIN_DELAY = 5.0
_TO_SETTING = {
    "httpPort": "http_port",
    "enableDocsUrl": "docs",
    "queueSize": "queue_size",
    "maxBodyBytes": "max_body_bytes",
    "requestTimeout": "request_timeout",
    "loadTimeout": "load_timeout",
    "drainDelay": "drain_delay",
    "drainTimeout": "drain_timeout",
    "timeoutKeepAlive": "keep_alive_timeout",
    "host": "host",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if {"--help", "-h"} & set(arguments):
            return _help(arguments)
        chosen = _choose(arguments)
        flags = command_line.parse(arguments, chosen.options)
        settings = _settings(flags, chosen)
        spec = _spec(flags, chosen)
    except InferryError as error:
        print(f"error: {error}", file=sys.stderr)
        return _USAGE_ERROR
    set_up(flags.own.get("logLevel", "info"), flags.own.get("logFormat", "text"))
    for note in flags.notes:
        logger.warning("%s", note)
    try:
        return _run(settings, spec)
    except BackendError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code


def _choose(arguments: list[str]) -> Chosen:
    return choose(
        command_line.peek(arguments, "runtime"),
        command_line.peek(arguments, "modelClass"),
    )


def _help(arguments: list[str]) -> int:
    runtime = command_line.peek(arguments, "runtime")
    options = choose(runtime, "").options if runtime else ()
    print(command_line.usage(options, runtime))
    return 0


def _settings(flags: Flags, chosen: Chosen) -> ServerSettings:
    own = flags.own
    in_cluster = "KUBERNETES_SERVICE_HOST" in os.environ
    fields: dict[str, Any] = {
        "host": "0.0.0.0" if in_cluster else "127.0.0.1",  # noqa: S104 - a pod needs it
        "drain_delay": _CLUSTER_DRAIN_DELAY if in_cluster else 0.0,
        **chosen.section,
    }
    given = {_TO_SETTING[name]: own[name] for name in own if name in _TO_SETTING}
    if own.get("workers", 1) != 1:
        raise SettingsError(
            f"--workers is {own['workers']}: a server is one process; start more "
            "replicas instead (spec.predictor.minReplicas)"
        )
    for name, known in (("logLevel", LEVELS), ("logFormat", FORMATS)):
        if own.get(name, known[0]) not in known:
            raise SettingsError(
                f"--{name} is {own[name]!r}, expected one of {', '.join(known)}"
            )
    for name, value in given.items():
        if isinstance(value, int | float) and value < 0:
            raise SettingsError(f"--{name} is {value}, expected 0 or more")
    return ServerSettings.of(fields, **given)


def _spec(flags: Flags, chosen: Chosen) -> ModelSpec:
    return ModelSpec(
        name=flags.own.get("modelName", "model"),
        target=chosen.target,
        path=Path(flags.own.get("modelDir", "/mnt/models")),
        runtime=chosen.runtime,
        options=flags.options,
        concurrency=flags.own.get("concurrency", 0),
        install=chosen.install,
    )


def _run(settings: ServerSettings, spec: ModelSpec) -> int:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(_serve(settings, spec))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop  # not on every platform
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _serve(settings: ServerSettings, spec: ModelSpec) -> int:
    server = ModelServer(settings)
    stopping = _stop_signals()
    port = await server.start()
    logger.info("listening on http://%s:%d", settings.host, port)
    loading = asyncio.create_task(server.load(spec))
    await stopping.wait()
    logger.info("stopping: no longer ready; requests in flight are finished")
    await server.drain()
    loading.cancel()
    await asyncio.wait({loading})
    await server.stop()
    logger.info("stopped")
    return 0


def _stop_signals() -> asyncio.Event:
    """Return what the first signal sets; a second one ends the process at once."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        if stopping.is_set():
            os._exit(128 + number)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    return stopping
