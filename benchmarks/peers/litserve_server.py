"""The three models on LitServe, with V2 JSON written by hand."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import litserve
from onnx_json import OnnxJson


class OnnxApi(litserve.LitAPI):
    """One ONNX file; LitServe runs it in a process of its own."""

    def __init__(self, file: Path) -> None:
        name = file.parent.name
        super().__init__(api_path=f"/v2/models/{name}/infer")
        self.name, self.file = name, file

    def setup(self, device: str) -> None:
        """Open the model in the worker."""
        del device
        self.model = OnnxJson(self.name, self.file)

    def decode_request(self, request):  # noqa: ANN001, ANN201 - LitServe reads annotations
        """Pass the body on."""
        return request

    def predict(self, body: dict[str, Any]) -> dict[str, Any]:
        """Run the model."""
        return self.model.infer(body)

    def encode_response(self, output):  # noqa: ANN001, ANN201 - the same
        """Pass the answer on."""
        return output


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    arguments = parser.parse_args()
    files = sorted(arguments.models.glob("*/model.onnx"))
    server = litserve.LitServer(
        [OnnxApi(file) for file in files], accelerator="cpu", timeout=False
    )
    server.run(
        host="127.0.0.1",
        port=arguments.http_port,
        num_api_servers=1,
        log_level="warning",
        generate_client_file=False,
        access_log=False,
    )


if __name__ == "__main__":
    main()
