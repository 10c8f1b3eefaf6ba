"""One Ray instance of our own: started, used and ended from one thread.

The thread stays the same for the life of the session, for two reasons: Ray's client is
not made for several, and on Linux the kernel ends Ray's processes when the *thread*
that started them ends, which is how they go when this process is killed.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, TypeVar

from inferry.errors import BackendError
from inferry_local import processes
from inferry_local._thread import OneThread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import psutil

logger = logging.getLogger(__name__)

T = TypeVar("T")

START_SECONDS = 90.0
CALL_SECONDS = 60.0
SHUTDOWN_SECONDS = 3.0
START_STOP_SECONDS = 20.0
WATCH_SECONDS = 0.5
LOG_BYTES = 4 * 1024 * 1024


class RaySession:
    """Ray and Ray Serve on loopback, all that they write in *folder*."""

    def __init__(self, folder: Path, *, object_store_mb: int = 80) -> None:
        self._folder = folder
        self._object_store_bytes = max(object_store_mb, 80) * 1024 * 1024
        self._thread = OneThread("inferry-ray")
        self._environment: dict[str, str | None] = {}
        self._begun = False
        self._started = False
        self._broken = False

    async def start(self) -> None:
        """Start Ray and Ray Serve's controller.

        Raises:
            BackendError: Ray cannot start; its logs are named.

        """
        self._begun = True
        try:
            await self.call(self._start, timeout=START_SECONDS)
        except Exception as error:
            logger.debug("Ray did not start", exc_info=True)
            if isinstance(error, BackendError):
                raise
            what = str(error).strip().splitlines()[:1] or [type(error).__name__]
            raise BackendError(
                f"Ray did not start: {what[0]}",
                remedy=f"see the logs in {self._folder}/ray",
                exit_code=3,
            ) from error

    async def call(
        self,
        function: Callable[..., T],
        *args: object,
        timeout: float = CALL_SECONDS,  # noqa: ASYNC109 - the thread cannot be cancelled
    ) -> T:
        """Run *function* in Ray's thread and return what it returns."""
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self._thread, function, *args)
        async with asyncio.timeout(timeout):
            return await future

    async def keep_spare(self) -> None:
        """See to it that a worker process waits for the next replica."""

        def keep() -> None:
            from inferry_local import ray_node

            ray_node.keep_spare()

        await self.call(keep)

    async def broken(self) -> str:
        """Wait until one of Ray's own processes has ended, and return its name.

        Nothing can be started or replaced any more then, and Ray does not recover.
        """
        from inferry_local import ray_node

        while not (ended := ray_node.ended()):  # noqa: ASYNC110 - a process has no event
            await asyncio.sleep(WATCH_SECONDS)
        self._broken = True
        return ended

    async def stop(self) -> None:
        """End Ray; whatever does not end by itself in time is ended by pid.

        A start in progress cannot be interrupted: it is waited for, then undone.
        """
        family = await asyncio.to_thread(self._family)
        if self._begun and not self._broken:
            limit = SHUTDOWN_SECONDS if self._started else START_STOP_SECONDS
            try:
                await self.call(self._shutdown, timeout=limit)
            except Exception:
                logger.debug("Ray did not shut down in order", exc_info=True)
        self._thread.shutdown(wait=False)
        family += await asyncio.to_thread(self._family)
        await asyncio.to_thread(processes.end, family)
        self._restore_environment()

    def _family(self) -> list[psutil.Process]:
        """Return Ray's processes: children of ours that were told our folder."""
        return processes.family(processes.children_told(str(self._folder)))

    def _start(self) -> None:
        self._set_environment()
        from inferry_local._serve import cheap_imports

        with cheap_imports():
            import ray

            from inferry_local import ray_node

        if ray.is_initialized():
            raise BackendError(
                "Ray runs in this process already", remedy="call ray.shutdown() first"
            )
        ray_node.reset_token()
        with ray_node.loopback(self._folder):
            ray.init(
                address="local",
                include_dashboard=False,
                _node_ip_address=ray_node.LOOPBACK,
                _temp_dir=str(self._folder / "ray"),
                object_store_memory=self._object_store_bytes,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                namespace="inferry",
                _system_config={"enable_metrics_collection": False},
            )
        self._started = True
        ray_node.quieten(logging.getLogger("ray"))
        self._quieten()
        self._start_serve()

    def _start_serve(self) -> None:
        from inferry_local._serve import cheap_imports, import_serve

        with cheap_imports():
            serve = import_serve()
        self._quieten()
        serve.start(
            proxy_location="Disabled", logging_config={"enable_access_log": False}
        )
        self._quieten()

    def _quieten(self) -> None:
        """Send what Ray logs in this process to a file instead of the terminal."""
        handler = RotatingFileHandler(
            self._folder / "ray.log", maxBytes=LOG_BYTES, backupCount=1, delay=True
        )
        for name in ("ray", "ray.serve"):
            ray_logger = logging.getLogger(name)
            for old in list(ray_logger.handlers):
                ray_logger.removeHandler(old)
                old.close()
            ray_logger.propagate = False
            ray_logger.addHandler(handler)
            ray_logger.setLevel(logging.WARNING)

    def _shutdown(self) -> None:
        import ray

        ray.shutdown()

    def _set_environment(self) -> None:
        token = self._folder / "token"
        token.touch(mode=0o600)
        token.write_text(secrets.token_hex(32), encoding="ascii")
        wanted: dict[str, str | None] = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_AUTH_TOKEN": None,
            "RAY_ADDRESS": None,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_preload_python_modules": "inferry_local._preload",
            # A worker that waits costs memory once; a replica that dies is back sooner.
            "RAY_idle_worker_killing_time_threshold_ms": str(10**9),
            "RAY_task_events_report_interval_ms": "0",
        }
        self._environment = {key: os.environ.get(key) for key in wanted}
        _apply_environment(wanted)

    def _restore_environment(self) -> None:
        _apply_environment(self._environment)
        self._environment = {}


def _apply_environment(values: dict[str, str | None]) -> None:
    for key, value in values.items():
        if value is None:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value
