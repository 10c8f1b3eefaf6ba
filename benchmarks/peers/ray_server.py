"""The three models on Ray Serve as it is by default: a Request handler, its proxy."""

from __future__ import annotations

import argparse
import json
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")

import ray
from ray import serve

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


@serve.deployment
class Models:
    """Answers ``POST /v2/models/NAME/infer``."""

    def __init__(self, folder: Path) -> None:
        from onnx_json import OnnxJson

        self.models = {
            file.parent.name: OnnxJson(file.parent.name, file)
            for file in folder.glob("*/model.onnx")
        }

    async def __call__(self, request: Request) -> Response:
        """Answer one request."""
        from starlette.responses import Response

        name = request.url.path.split("/")[3]
        answer = self.models[name].infer(json.loads(await request.body()))
        return Response(json.dumps(answer), media_type="application/json")


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    arguments = parser.parse_args()
    ray.init(
        address="local",
        include_dashboard=False,
        log_to_driver=False,
        num_cpus=2,
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}},
    )
    serve.start(http_options={"host": "127.0.0.1", "port": arguments.http_port})
    serve.run(Models.bind(arguments.models))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    main()
