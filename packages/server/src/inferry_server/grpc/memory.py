"""The RPCs of the shared memory extension.

Clients tidy up before they begin and after, whether they use shared memory or not, so
asking for all regions and unregistering always work.
Source: Triton, "Shared-Memory Extension".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.errors import ModelNotFound
from inferry_server.errors import NotPermitted, Unsupported
from inferry_server.grpc.messages import message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inferry_server.shared_memory import SharedMemoryRegions


class Memory:
    """Answers for *regions*, None where the server was started without."""

    def __init__(self, regions: SharedMemoryRegions | None) -> None:
        self._regions = regions
        self.answers: Mapping[str, Callable[[Any], Any]] = {
            "CudaSharedMemoryRegister": _no_cuda,
            "CudaSharedMemoryStatus": self._cuda_status,
            "CudaSharedMemoryUnregister": self._cuda_unregister,
            "SystemSharedMemoryRegister": self._register,
            "SystemSharedMemoryStatus": self._status,
            "SystemSharedMemoryUnregister": self._unregister,
        }

    def _register(self, request: Any) -> Any:  # noqa: ANN401 - messages
        if self._regions is None:
            raise NotPermitted(
                "shared memory is closed; start the server with --allow_shared_memory"
            )
        self._regions.register(
            request.name, request.key, request.offset, request.byte_size
        )
        return message("SystemSharedMemoryRegisterResponse")()

    def _status(self, request: Any) -> Any:  # noqa: ANN401 - messages
        answer = message("SystemSharedMemoryStatusResponse")()
        if self._regions is None:
            return _none(request, answer, "system")
        for status in self._regions.status(request.name):
            region = answer.regions[status.name]
            region.name, region.key = status.name, status.key
            region.offset, region.byte_size = status.offset, status.byte_size
        return answer

    def _unregister(self, request: Any) -> Any:  # noqa: ANN401 - messages
        if self._regions is not None:
            self._regions.unregister(request.name)
        return message("SystemSharedMemoryUnregisterResponse")()

    def _cuda_status(self, request: Any) -> Any:  # noqa: ANN401 - messages
        return _none(request, message("CudaSharedMemoryStatusResponse")(), "CUDA")

    def _cuda_unregister(self, _request: Any) -> Any:  # noqa: ANN401 - messages
        return message("CudaSharedMemoryUnregisterResponse")()


def _no_cuda(_request: Any) -> Any:  # noqa: ANN401 - messages
    raise Unsupported("CUDA shared memory is not supported; use system memory")


def _none(request: Any, answer: Any, kind: str) -> Any:  # noqa: ANN401 - messages
    if request.name:
        raise ModelNotFound(
            f"Unable to find {kind} shared memory region: {request.name[:100]!r}"
        )
    return answer
