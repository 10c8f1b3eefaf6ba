"""The process: start, load, wait for a signal, drain.

It ends with 0 after SIGTERM or SIGINT, with 1 where a port cannot be had and with 2
where the command line or the settings are wrong. A model that fails ends nothing on a
laptop: it is not ready, which is what a probe and the log say. In a pod it ends the
process, with a code and a termination message that tell the reason, so that the cluster
shows why and tries again with a back-off.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

import msgspec

from inferry.errors import BackendError, InferryError, SettingsError
from inferry.status import Reason, exit_code, write_termination
from inferry_server.cli import flags as command_line
from inferry_server.cli.chosen import Runtimes, choose
from inferry_server.cli.logs import set_up
from inferry_server.cli.ports import announce, open_to_strangers, settled
from inferry_server.cli.specs import in_cluster, repositories, settings, specs
from inferry_server.cli.usage import usage
from inferry_server.server import ModelServer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from inferry_server.settings import ServerSettings
    from inferry_server.states import ModelSpec, ModelState

logger = logging.getLogger("inferry_server")

_USAGE_ERROR = 2
#: Seconds that a model's thread may compute while the event loop waits. Python's own
#: 5 ms come several times a request: beside a model that spins, one in a hundred took
#: 16 ms, now 8.
_TURN = 0.001


class _Job(msgspec.Struct, frozen=True):
    """What is left to do once the command line is understood."""

    settings: ServerSettings
    specs: list[ModelSpec]
    repositories: list[ModelSpec]
    event_loop: str
    notes: list[str]
    exits: bool


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; return the exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        if {"--help", "-h"} & set(arguments):
            return _help(arguments)
        job = _understand(arguments)
    except InferryError as error:
        return _refuse(error)
    try:
        return _run(job)
    except BackendError as error:
        print(f"error: {error}", file=sys.stderr)
        _tell_pod(Reason.RuntimeUnhealthy, str(error))
        return error.exit_code
    except SettingsError as error:  # a file of keys, or a middleware
        return _refuse(error)


def _refuse(error: InferryError) -> int:
    text = str(error)
    problems = error.problems if isinstance(error, SettingsError) else ()
    more = "; ".join(problem for problem in problems if problem not in text)
    line = f"{text}: {more}" if more else text
    print(f"error: {line}", file=sys.stderr)
    reason = getattr(error, "reason", Reason.InvalidSpec)
    _tell_pod(reason, line)
    return _USAGE_ERROR


def _tell_pod(reason: str, message: str) -> None:
    if in_cluster():
        write_termination(reason, message)


def _help(arguments: list[str]) -> int:
    names = command_line.peek(arguments, "runtime")
    names += [
        text.partition("=")[2].partition(":")[0]
        for text in command_line.peek(arguments, "model")
    ]
    runtimes = Runtimes(names)
    found = [runtimes.find(name) for name in dict.fromkeys(names)]
    named = [provided.descriptor for provided in found if provided is not None]
    print(usage({runtime.name: runtime.options for runtime in named}))
    return 0


def _understand(arguments: list[str]) -> _Job:
    choice = choose(arguments)
    options = {
        chosen.name: chosen.options for chosen in (*choice.models, *choice.repositories)
    }
    flags = command_line.parse(arguments, options)
    told, models = settings(flags, choice), specs(flags, choice)
    set_up(flags.server.get("logLevel", "info"), flags.server.get("logFormat", "text"))
    told, notes = settled(told, {"grpcPort", "managementPort"} & flags.server.keys())
    loop = flags.server.get("eventLoop", "auto")
    notes = [*flags.notes, *notes, *open_to_strangers(told)]
    exits = flags.server.get("exitOnLoadFailure")
    if exits is None:
        # One of many that fails takes none of its neighbours down.
        exits = in_cluster() and len(models) == 1 and not choice.repositories
    later = repositories(flags, choice)
    return _Job(told, models, later, loop, notes, exits)


def _run(job: _Job) -> int:
    _open_standard_files()
    sys.setswitchinterval(_TURN)
    with asyncio.Runner(loop_factory=_loop_factory(job.event_loop)) as runner:
        return runner.run(_serve(job))


def _open_standard_files() -> None:
    """Put ``/dev/null`` where standard input or output is closed.

    A socket would take its number, and uvloop ends the process when it closes that.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def _loop_factory(name: str) -> Callable[[], asyncio.AbstractEventLoop] | None:
    if name == "asyncio":
        return None
    try:
        import uvloop  # not on every platform
    except ImportError:
        if name == "uvloop":
            logger.warning("uvloop is not installed; this is asyncio's own loop")
        return None
    return uvloop.new_event_loop


async def _serve(job: _Job) -> int:
    server = ModelServer(job.settings, repositories=job.repositories)
    stopping = _stop_signals()
    await server.start()
    for note in job.notes:
        logger.warning("%s", note)
    announce(job.settings.host, server.ports)
    loading = {asyncio.create_task(server.load(spec)) for spec in job.specs}
    failed = await _until_the_end(stopping, loading, exits=job.exits)
    if failed is not None:
        return await _give_up(server, failed)
    logger.info("stopping: no longer ready; requests in flight are finished")
    await server.drain()
    for task in loading:
        task.cancel()
    await asyncio.gather(*loading, return_exceptions=True)
    await server.stop()
    logger.info("stopped")
    return 0


async def _until_the_end(
    stopping: asyncio.Event, loading: set[asyncio.Task[ModelState]], *, exits: bool
) -> ModelState | None:
    """Wait for a signal, or for the first model that fails where that *exits*."""
    signalled = asyncio.create_task(stopping.wait())
    waiting: set[asyncio.Task[ModelState]] = set(loading) if exits else set()
    while waiting and not signalled.done():
        done, _ = await asyncio.wait(
            {signalled, *waiting}, return_when=asyncio.FIRST_COMPLETED
        )
        ended = waiting & done
        states = [task.result() for task in ended]
        # One that somebody unloaded while it was loading has no reason.
        failed = [each for each in states if each.phase == "Failed" and each.reason]
        if failed and not signalled.done():
            signalled.cancel()
            return failed[0]
        waiting -= ended
    await signalled
    return None


async def _give_up(server: ModelServer, failed: ModelState) -> int:
    """End as a pod's container does whose model cannot be loaded."""
    write_termination(failed.reason, failed.message, failed.remedy)
    logger.error("ending: %s is in the termination message", failed.reason)
    await server.stop()
    return exit_code(failed.reason)


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
