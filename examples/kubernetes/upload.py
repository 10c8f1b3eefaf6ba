"""Put the two models of services.yaml into the bucket ``models``.

The environment says where it is and who asks, as for ``inferry storage``:
AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY.
"""

from __future__ import annotations

import os
from pathlib import Path

from obstore.store import S3Store

EXAMPLES = Path(__file__).resolve().parents[1]
FILES = {
    "wine/model.skops": EXAMPLES / "demo" / "models" / "wine" / "model.skops",
    "iris/iris.onnx": EXAMPLES / "data-plane" / "iris.onnx",
}


def upload() -> None:
    """Upload each file; one that is there is replaced."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    store = S3Store("models", endpoint=endpoint, client_options={"allow_http": True})
    for name, file in FILES.items():
        store.put(name, file)
        print(f"s3://models/{name}")


if __name__ == "__main__":
    upload()
