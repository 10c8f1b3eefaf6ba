"""The errors of one request that more than one place gives, in words for its sender."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_gateway._answers import Refusal

if TYPE_CHECKING:
    from inferry_gateway._services import Service


def too_large(limit: int) -> Refusal:
    """Return the 413 for a body above ``limit`` bytes."""
    return Refusal(
        413,
        f"the request body is larger than {limit} bytes; send less or raise the "
        "setting gateway.max_body_bytes",
    )


def too_much(limit: int) -> Refusal:
    """Return the 429 for a call that came while the others already fill the memory."""
    return Refusal(
        429,
        f"the requests under way take more than {limit} bytes; try again, or raise the "
        "setting gateway.max_held_bytes",
    )


def too_slow(service: Service) -> Refusal:
    """Return the 504 for a replica that did not answer in time."""
    return Refusal(
        504,
        f"service {service.key} did not answer within its timeout of "
        f"{service.timeout or 0:g} s; raise spec.predictor.timeout or send less",
    )


def nobody_listens(service: Service, waited: float) -> Refusal:
    """Return the 502 for a service whose replicas all refuse connections."""
    return Refusal(
        502,
        f"no replica of service {service.key} accepts connections (tried for "
        f"{waited:.1f} s); see the service's status and logs",
    )


def no_grpc(service: Service) -> Refusal:
    """Return the 501 for a service whose replicas answer HTTP only."""
    return Refusal(
        501,
        f"service {service.key} does not answer gRPC; call it over HTTP, or choose a "
        "runtime whose protocols include grpc-v2",
    )


def closed_early(key: str) -> Refusal:
    """Return the 502 for a replica that closed the connection instead of answering."""
    return Refusal(
        502,
        f"a replica of service {key} closed the connection before it answered; see the "
        "service's logs",
    )


def not_http(key: str) -> Refusal:
    """Return the 502 for a replica whose answer cannot be read."""
    return Refusal(
        502,
        f"a replica of service {key} sent an invalid response; see the service's logs",
    )
