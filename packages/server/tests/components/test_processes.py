"""Predictor, transformer and explainer as the processes of a deployment."""

from __future__ import annotations

import signal

import pytest
from processes import port_of, process, until_ready

ROWS = {"instances": [[1, 2, 3, 4]]}


@pytest.mark.parametrize("protocol", ["v1", "v2", "grpc-v2"])
def test_kserve_flags_put_components_in_front_of_a_predictor(protocol: str) -> None:
    with process() as (predictor, _, lines):
        port = port_of(lines, "grpc" if protocol == "grpc-v2" else "http")
        flags = [
            "--model=e=served_components:Explains",
            f"--predictor_host=127.0.0.1:{port}",
            f"--predictor_protocol={protocol}",
            "--predictor_model=m",
            "--predictor_request_timeout_seconds=10",
            "--predictor_request_retries=1",
            "--enable_predictor_health_check",
        ]
        target = "served_components:Doubles"
        with process(*flags, target=target) as (transformer, client, _):
            until_ready(client)
            reply = client.post("/v1/models/m:predict", json=ROWS)
            assert reply.json() == {"predictions": [-20.0]}
            reply = client.post("/v1/models/e:explain", json=ROWS)
            assert reply.json() == {"explanations": [[1.0, 2.0, 3.0, 4.0]]}
            predictor.send_signal(signal.SIGTERM)
            until_ready(client, status=503)
            reply = client.post("/v1/models/m:predict", json=ROWS)
            assert reply.status_code == 503
            assert "cannot be reached" in reply.json()["error"]
            transformer.send_signal(signal.SIGTERM)
            assert transformer.wait(10) == 0
