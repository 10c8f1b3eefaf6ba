"""Start Ray's head node on loopback only, and only those of its parts that are used.

All contact with Ray's private API is in this module: it is imported after ``ray`` and
works with the tested range in this package's dependencies; the tests of `ray_session`
guard what it promises.

- Ray replaces a loopback address by the host's and then listens on all interfaces;
  with a node address that stays 127.0.0.1 it listens on loopback.
- The API server (dashboard, usage report), the autoscaler's monitor, the log monitor
  and the two agents are not started: about 10 s of CPU and 400 MB, and the whole of
  Ray's HTTP surface.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import psutil
import ray
import ray._private.node
import ray._private.services
import ray._private.utils
import ray._raylet

from inferry_local import processes

if TYPE_CHECKING:
    import logging
    from collections.abc import Iterator

#: Ray's compiled part; it has no types, and neither has Ray.
native: Any = ray._raylet  # noqa: SLF001

LOOPBACK = "127.0.0.1"
REGISTER_SECONDS = 30.0
PRESTART_SECONDS = 5.0
#: What Ray calls a worker process that waits for its first task.
IDLE_NAME = "ray::IDLE"
#: What runs before a worker process gives itself that name.
WORKER_FILE = "inferry_local/_worker.py"
#: The workers that start at once: Serve's controller and the first replica.
PRESTARTED = 2

_IDLE_FILE = Path(__file__).with_name("_idle.py")
#: -1 tells the raylet that there is no such service; it takes no such answer for the
#: runtime environments, which no task of ours asks for, so that port is never called.
_PORTS = {
    "METRICS_AGENT_PORT_NAME": -1,
    "METRICS_EXPORT_PORT_NAME": -1,
    "DASHBOARD_AGENT_LISTEN_PORT_NAME": -1,
    "RUNTIME_ENV_AGENT_PORT_NAME": 1,
}


class LoopbackNode(ray._private.node.Node):  # type: ignore[misc] # noqa: SLF001
    """Ray's node without the processes that nothing here uses."""

    def __init__(self, ray_params: Any, **options: Any) -> None:  # noqa: ANN401
        ray_params.no_monitor = True
        ray_params.include_log_monitor = False
        ray_params.worker_path = str(Path(__file__).with_name("_worker.py"))
        super().__init__(ray_params=ray_params, **options)

    def start_api_server(self, **_options: Any) -> None:  # noqa: ANN401
        """Start nothing: it is the dashboard, in parts even where that is off."""
        self._webui_url = ""

    def start_ray_processes(self) -> None:
        """Start the raylet and wait for it, asking often instead of once a second."""
        for name, port in _PORTS.items():
            native.persist_port(
                self._session_dir, self._node_id, getattr(native, name), port
            )
        super().start_ray_processes()
        deadline = time.monotonic() + REGISTER_SECONDS
        while not self.get_gcs_client().get_all_node_info(timeout=1):
            if time.monotonic() > deadline:
                return  # Ray's own wait follows and says what is wrong
            time.sleep(0.01)


def pids() -> list[int]:
    """Return the processes that Ray's node started."""
    node = ray._private.worker._global_node  # noqa: SLF001
    if node is None:
        return []
    return [info.process.pid for infos in node.all_processes.values() for info in infos]


def ended() -> str:
    """Return which process of Ray's node has ended; empty while all run."""
    node = ray._private.worker._global_node  # noqa: SLF001
    if node is None:
        return ""
    for name, infos in list(node.all_processes.items()):
        if any(info.process.poll() is not None for info in infos):
            return str(name)
    return ""


@contextmanager
def loopback(folder: Path) -> Iterator[None]:
    """Let ``ray.init`` start a `LoopbackNode` while the context lasts.

    Should this process be killed, what it starts removes *folder*.
    """
    services = ray._private.services  # noqa: SLF001
    start = services.start_ray_process
    with ExitStack() as stack:
        for target, name, value in (
            (services, "resolve_ip_for_localhost", lambda host: host),
            (services, "start_ray_process", _replacing(start, _replaced(folder))),
            (
                ray._private.utils,  # noqa: SLF001
                "get_dashboard_dependency_error",
                lambda: ImportError("the dashboard is off"),
            ),
            (ray._private.node, "Node", LoopbackNode),  # noqa: SLF001
        ):
            stack.enter_context(mock.patch.object(target, name, value))
        yield


def keep_spare() -> None:
    """Have a worker process wait, its imports done, unless one waits already.

    Ray starts workers ahead of need only for tasks that queue, and a worker that has
    run one of those cannot become a replica: it belongs to the actor that asked. Hence
    the raylet is asked itself.
    """
    from ray._private.grpc_utils import init_grpc_channel
    from ray.core.generated import common_pb2, node_manager_pb2, node_manager_pb2_grpc

    if any(_waits(process) for process in processes.family(pids())):
        return
    node = ray._private.worker._global_node  # noqa: SLF001
    request = node_manager_pb2.PrestartWorkersRequest(
        language=common_pb2.Language.PYTHON,
        job_id=bytes.fromhex(ray.get_runtime_context().get_job_id()),
        num_workers=1,
    )
    address = f"{LOOPBACK}:{node.node_manager_port}"
    with init_grpc_channel(address) as channel:
        stub = node_manager_pb2_grpc.NodeManagerServiceStub(channel)
        stub.PrestartWorkers(request, timeout=PRESTART_SECONDS)


def _waits(process: psutil.Process) -> bool:
    """Say whether a process is a worker without a task, or about to become one."""
    try:
        command = " ".join(process.cmdline())
    except psutil.Error:
        return False
    return command.startswith(IDLE_NAME) or WORKER_FILE in command.partition(" --")[0]


def quieten(logger: logging.Logger) -> None:
    """Log what Ray's raylet reports, which Ray prints otherwise."""

    def log(data: dict[str, Any], **_options: object) -> None:
        for line in data.get("lines", ()):
            logger.warning("%s", line)

    ray._private.worker.print_to_stdstream = log  # noqa: SLF001


def reset_token() -> None:
    """Make Ray read its token again: it caches the one of an earlier session."""
    native.AuthenticationTokenLoader.instance().reset_cache()


def _replaced(folder: Path) -> dict[str, str]:
    """Return the raylet's arguments that are not what Ray makes them."""
    idle = [sys.executable, "-I", "-S", str(_IDLE_FILE), str(os.getpid()), str(folder)]
    return {
        "--dashboard_agent_command": subprocess.list2cmdline(idle),
        "--runtime_env_agent_command": subprocess.list2cmdline(idle),
        "--num_prestart_python_workers": str(PRESTARTED),
    }


def _replacing(start: Any, replaced: dict[str, str]) -> Any:  # noqa: ANN401
    def replace(part: str) -> str:
        flag, _, _ = part.partition("=")
        return f"{flag}={replaced[flag]}" if flag in replaced else part

    def start_ray_process(command: list[str], *args: Any, **options: Any) -> Any:  # noqa: ANN401
        return start([replace(part) for part in command], *args, **options)

    return start_ray_process
