"""What V2 tells of the server and of its statistics, over HTTP and gRPC alike."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inferry_server.settings import ServerSettings
    from inferry_server.statistics import Duration, ModelStatistics

EXTENSIONS = (
    "binary_tensor_data",
    "classification",
    "generate",
    "logging",
    "model_configuration",
    "model_repository",
    "model_repository(unload_dependents)",
    "parameters",
    "statistics",
    "trace",
)


def version() -> str:
    """Return the version of this server."""
    return metadata.version("inferry-server")


def server_metadata(settings: ServerSettings) -> dict[str, Any]:
    """Return what V2 tells of a server with *settings*."""
    extensions = list(EXTENSIONS)
    if settings.allow_shared_memory:
        extensions.append("system_shared_memory")
    return {"name": "inferry", "version": version(), "extensions": extensions}


def counted(statistics: ModelStatistics, model_version: str) -> dict[str, Any]:
    """Return *statistics* as the statistics extension writes them."""
    return {
        "name": statistics.name,
        "version": model_version,
        "last_inference": statistics.last_inference,
        "inference_count": statistics.inference_count,
        "execution_count": statistics.execution_count,
        "inference_stats": {
            "success": _duration(statistics.success),
            "fail": _duration(statistics.fail),
            "queue": _duration(statistics.queue),
            "compute_input": _duration(statistics.compute_input),
            "compute_infer": _duration(statistics.compute_infer),
            "compute_output": _duration(statistics.compute_output),
            "cache_hit": {"count": 0, "ns": 0},
            "cache_miss": {"count": 0, "ns": 0},
        },
        "response_stats": {},
        "batch_stats": [
            {
                "batch_size": batch.batch_size,
                "compute_input": _duration(batch.compute_input),
                "compute_infer": _duration(batch.compute_infer),
                "compute_output": _duration(batch.compute_output),
            }
            for batch in statistics.batch_stats
        ],
        "memory_usage": [],
    }


def _duration(duration: Duration) -> dict[str, int]:
    return {"count": duration.count, "ns": duration.ns}
