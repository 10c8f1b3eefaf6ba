"""Ask Ray Serve to place, scale and remove replicas; called in Ray's thread."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from inferry_local.messages import ReplicaSpec

#: A replica that died is noticed within this time: its health check fails at once.
HEALTH_PERIOD_SECONDS = 0.5
#: Only a replica that does not answer at all waits this long, three times over: a model
#: may hold the interpreter for long while it loads.
HEALTH_TIMEOUT_SECONDS = 60.0
REPLICA_OPTIONS = {"num_cpus": 0}


class Application(msgspec.Struct, frozen=True, kw_only=True):
    """One revision as Ray Serve knows it: a name, its replicas and what they run."""

    name: str
    replicas: int
    spec: ReplicaSpec


def deploy(applications: Sequence[Application]) -> None:
    """Deploy or rescale *applications* and return before their replicas run.

    The spec is the version: an application that differs in its replicas alone keeps
    those it has.
    """
    from ray import serve

    serve.run_many(
        [
            serve.RunTarget(_bind(serve, one), name=one.name, route_prefix=None)
            for one in applications
        ],
        wait_for_ingress_deployment_creation=False,
        wait_for_applications_running=False,
    )


def delete(name: str) -> None:
    """Remove an application and return before its replicas are gone."""
    from ray import serve

    serve.delete(name, _blocking=False)


def _bind(serve: Any, one: Application) -> Any:  # noqa: ANN401
    from inferry_local.replica import Replica

    deployment = serve.deployment(
        name="replica",
        num_replicas=one.replicas,
        ray_actor_options=REPLICA_OPTIONS,
        health_check_period_s=HEALTH_PERIOD_SECONDS,
        health_check_timeout_s=HEALTH_TIMEOUT_SECONDS,
        graceful_shutdown_wait_loop_s=0.1,
        graceful_shutdown_timeout_s=one.spec.drain_timeout + 2,
        logging_config={"enable_access_log": False},
    )(Replica)
    return deployment.options(_internal=True, version=one.name).bind(
        msgspec.json.encode(one.spec).decode()
    )
