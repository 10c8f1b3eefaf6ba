"""What our server is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from inferry_controller.options import RenderOptions
from inferry_controller.rendering.containers import flag

from inferry.status import Reason

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering.pods import Pod


def args(made: Pod) -> list[str]:
    found: list[str] = made.template["spec"]["containers"][0]["args"]
    return found


def test_it_listens_where_a_pod_is_reached_and_knows_its_service(bench: Bench) -> None:
    told = args(bench.model())
    assert flag(told, "host") == "0.0.0.0"
    assert flag(told, "service_name") == "iris"
    assert flag(told, "namespace") == "team"
    assert flag(told, "model_name") == "iris"
    assert flag(told, "request_timeout") is None


def test_the_options_of_the_service_stand_before_ours(bench: Bench) -> None:
    told = args(bench.model("args: [--allowPickle=true, '--host=::']"))
    assert told.index("--allowPickle=true") < told.index("--service_name=iris")
    assert told.count("--host=::") == 1
    assert "--host=0.0.0.0" not in told


def test_concurrency_and_timeout_are_flags(bench: Bench) -> None:
    told = args(bench.model(more="containerConcurrency: 4\ntimeout: 30\n"))
    assert flag(told, "concurrency") == "4"
    assert flag(told, "request_timeout") == "30"
    assert flag(told, "drain_timeout") == "30"


def test_a_batcher_is_two_flags_with_the_defaults_of_kserve(bench: Bench) -> None:
    told = args(bench.model(more="batcher: {maxLatency: 20}\n"))
    assert flag(told, "batch_max_size") == "32"
    assert flag(told, "batch_max_delay") == "0.02"


def test_a_logger_is_what_the_server_copies_to(bench: Bench) -> None:
    more = """
    logger:
      url: s3://logs
      mode: request
      metadataHeaders: [x-user, x-team]
      batchSize: 10
      batchInterval: 1m30s
      metadataAnnotations: [team, absent]
      storage: {path: /iris, key: logs, parameters: {format: parquet, region: eu}}
    annotations: {team: vision}
    """
    made = bench.model(more=more)
    told = args(made)
    assert [each.path for each in made.problems] == [
        "spec.predictor.logger.storage.key"
    ]
    assert flag(told, "payload_log_url") == "s3://logs/iris"
    assert flag(told, "payload_log_mode") == "request"
    assert flag(told, "payload_log_headers") == "x-user,x-team"
    assert flag(told, "payload_log_format") == "parquet"
    assert flag(told, "payload_log_annotations") == '{"team": "vision"}'
    assert flag(told, "payload_log_parameters") == '{"region": "eu"}'
    assert flag(told, "payload_log_component") == "predictor"
    assert flag(told, "payload_log_batch_size") == "10"
    assert flag(told, "payload_log_batch_interval") == "90"


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ("logger: {mode: all}\n", "spec.predictor.logger"),
        ("logger: {url: 'http://a', batchInterval: soon}\n", "spec.predictor.logger"),
    ],
)
def test_what_the_server_cannot_be_told_is_refused(
    bench: Bench, more: str, path: str
) -> None:
    (problem,) = bench.model(more=more).problems
    assert (problem.path, problem.fatal) == (path, True)
    assert problem.reason == Reason.InvalidSpec
    assert problem.remedy == f"correct {path}"


CUSTOM = """
containers: [{image: "registry/custom:1"}]
containerConcurrency: 3
batcher: {maxBatchSize: 2}
logger: {url: "http://sink"}
"""


def test_another_server_neither_batches_nor_logs(bench: Bench) -> None:
    """KServe's sidecar would; here the field is told by its name."""
    made = bench.pod(CUSTOM)
    assert [each.path for each in made.problems] == [
        "spec.predictor.batcher",
        "spec.predictor.logger",
        "spec.predictor.containerConcurrency",
    ]
    assert all("registry/custom:1" in each.why for each in made.problems)
    assert "args" not in made.template["spec"]["containers"][0]


def test_knative_bounds_requests_by_itself(bench: Bench) -> None:
    made = bench.pod(CUSTOM, options=RenderOptions(mode="Knative"))
    assert "spec.predictor.containerConcurrency" not in [
        each.path for each in made.problems
    ]
