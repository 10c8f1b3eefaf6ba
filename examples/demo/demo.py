"""Serve two models of two frameworks from one YAML file, ask both, print the answers.

Everything here is what a user would do by hand: ``inferry run services.yaml`` in one
shell, HTTP requests over V1 and V2 from another. Ends with 0 only if every answer is
right.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from make_models import MODELS, make_filetype, make_wine

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
FILES = {
    "noxfile.py": "python",
    "README.md": "markdown",
    "LICENSE": "txt",
    "pyproject.toml": "toml",
    ".ci/run": "shell",
    ".importlinter": "ini",
    "examples/demo/services.yaml": "yaml",
    "examples/demo/models/filetype/model.onnx": "onnx",
}
PADDING = 256
WINDOW = 1024
BLOCK = 4096


def features(content: bytes) -> list[int]:
    """Return what magika's model reads of a file: 2048 numbers of 0 to 256.

    The first 1024 bytes without leading white space, padded behind, then the last 1024
    without trailing white space, padded in front; 256 stands for "no byte".
    """
    start = content[:BLOCK].lstrip()[:WINDOW]
    end = content[-BLOCK:].rstrip()[-WINDOW:]
    padding = [PADDING]
    return [
        *start,
        *padding * (WINDOW - len(start)),
        *padding * (WINDOW - len(end)),
        *end,
    ]


def post(url: str, body: dict[str, Any]) -> dict[str, Any]:
    """Send *body* as JSON and return the answer."""
    request = urllib.request.Request(
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as response:
        answer: dict[str, Any] = json.load(response)
    return answer


@contextmanager
def serving(port: int) -> Iterator[str]:
    """Run ``inferry run services.yaml`` until the block ends; yield its url."""
    command = [sys.executable, "-m", "inferry", "run", "services.yaml"]
    print(f"$ inferry run services.yaml --port {port}\n", flush=True)
    with subprocess.Popen([*command, "--port", str(port)], cwd=HERE) as process:
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def wait_until_ready(url: str, *models: str, seconds: float = 120) -> None:
    """Wait until each of *models* is ready, or end the demo and say which is not."""
    waiting = list(models)
    until = time.monotonic() + seconds
    while waiting and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"{url}/v2/models/{waiting[0]}/ready"):
                waiting.pop(0)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)
    if waiting:
        sys.exit(f"{waiting[0]} was not ready within {seconds:.0f} s")


def ask_filetype(url: str) -> bool:
    """Ask which type each file of this repository has, all in one V2 request."""
    labels = json.loads((MODELS / "filetype" / "labels.json").read_text())
    rows = [features((REPOSITORY / name).read_bytes()) for name in FILES]
    tensor = {
        "name": "bytes",
        "datatype": "INT32",
        "shape": [len(rows), 2 * WINDOW],
        "data": [number for row in rows for number in row],
    }
    answer = post(f"{url}/v2/models/filetype/infer", {"inputs": [tensor]})
    output = answer["outputs"][0]
    classes = output["shape"][1]
    print("\nfiletype (ONNX), over V2: which type has this file?")
    right = True
    for number, (name, expected) in enumerate(FILES.items()):
        scores = output["data"][number * classes : (number + 1) * classes]
        best = max(range(classes), key=scores.__getitem__)
        right &= labels[best] == expected
        print(f"  {name:<42} {labels[best]:<10} {scores[best]:7.1%}")
    again = post(f"{url}/v1/models/filetype:predict", {"instances": rows[:1]})
    first = again["predictions"][0]
    print(f"  the first one again, over V1: {labels[first.index(max(first))]}")
    return right and labels[first.index(max(first))] == next(iter(FILES.values()))


def ask_wine(url: str) -> bool:
    """Ask for the class of wines that the pipeline has not seen, over V1 and V2."""
    questions = json.loads((MODELS / "wine-questions.json").read_text())
    rows, expected = questions["instances"], questions["answers"]
    over_v1 = post(f"{url}/v1/models/wine:predict", {"instances": rows})["predictions"]
    with urllib.request.urlopen(f"{url}/v2/models/wine") as response:
        told = json.load(response)["inputs"][0]
    tensor = {
        "name": told["name"],
        "datatype": told["datatype"],
        "shape": [len(rows), len(rows[0])],
        "data": rows,
    }
    answer = post(f"{url}/v2/models/wine/infer", {"inputs": [tensor]})
    over_v2 = answer["outputs"][0]["data"]
    print("\nwine (scikit-learn), over V1 and V2: which cultivar is this?")
    for row, one, other, truth in zip(rows, over_v1, over_v2, expected, strict=True):
        print(f"  alcohol {row[0]:5.2f}: {one}  {other}  (truth: {truth})")
    return bool(over_v1 == over_v2 == expected)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    """Make the models, serve them, ask them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--port", type=int, help="port to serve on; default: a free one"
    )
    arguments = parser.parse_args()
    make_filetype(MODELS / "filetype")
    make_wine(MODELS / "wine")
    with serving(arguments.port or free_port()) as url:
        wait_until_ready(url, "filetype", "wine")
        answers = [ask_filetype(url), ask_wine(url)]
    print(f"\n{'every answer is right' if all(answers) else 'AN ANSWER IS WRONG'}")
    sys.exit(0 if all(answers) else 1)


if __name__ == "__main__":
    main()
