"""Ask a real server whatever its own OpenAPI document allows, and what it does not.

``python fuzz_api.py [SECONDS [SEED]]`` starts a server with models and runs
schemathesis against it for SECONDS, 60 by default. It ends with an error if an answer
is no answer that the document has: a status, a type, a schema, a 500.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from inferry_server import ModelServer, ModelSpec, ServerSettings

HERE = Path(__file__).resolve().parent
MODELS = {"declared": "Pair", "free": "Echo", "streams": "Counter"}
#: The one that is loaded and unloaded: the others must stay ready.
SPARE = "spare"
#: What a document cannot say: which values a model takes.
SKIPPED = "positive_data_acceptance"


def of_the_models(document: dict[str, Any]) -> dict[str, Any]:
    """Return *document* with the names that the server has, so that they are hit."""
    for path, operations in document["paths"].items():
        known = [SPARE] if "/repository/" in path else list(MODELS)
        values = {
            "model": [*known, "missing"],
            "version": ["1", "2", "x"],
        }
        for operation in operations.values():
            for parameter in operation["parameters"]:
                if parameter["name"] in values:
                    parameter["schema"] = {"enum": values[parameter["name"]]}
    return document


async def serve(seconds: int = 60, seed: int = 1) -> int:
    """Serve while schemathesis asks; return what it returns."""
    settings = ServerSettings(
        http_port=0, allow_management=True, allow_shared_memory=True
    )
    server = ModelServer(settings)
    port = await server.start()
    for name, target in {**MODELS, SPARE: "Echo"}.items():
        spec = ModelSpec(name=name, target=f"fuzz_models:{target}", path=HERE)
        state = await server.load(spec)
        if state.phase != "Ready":
            sys.exit(f"{name}: {state.message}")
    code = await asyncio.to_thread(ask, f"http://127.0.0.1:{port}", seconds, seed)
    await server.stop()
    return code


def ask(url: str, seconds: int, seed: int) -> int:
    """Run schemathesis against *url* and return its exit code."""
    with urlopen(f"{url}/openapi.json") as answer:
        document = of_the_models(json.load(answer))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "openapi.json")
        path.write_text(json.dumps(document))
        command = [
            *(sys.executable, "-m", "schemathesis.cli"),
            *("--config-file", str(HERE / "schemathesis.toml"), "run", str(path)),
            *("--url", url, "--max-time", str(seconds), "--seed", str(seed)),
            *("--exclude-checks", SKIPPED, "--phases", "examples,coverage,fuzzing"),
            *("--warnings", "off", "--request-timeout", "20"),
        ]
        return subprocess.run(command, check=False, cwd=folder).returncode


if __name__ == "__main__":
    sys.path.insert(0, str(HERE))
    sys.exit(asyncio.run(serve(*map(int, sys.argv[1:]))))
