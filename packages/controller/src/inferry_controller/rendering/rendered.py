"""`Rendered`: the objects of one service, and what could not be had."""

from __future__ import annotations

from typing import Any

import msgspec

from inferry.planning import Unhonoured
from inferry.status import Reason

KubernetesObject = dict[str, Any]


class Problem(Unhonoured, frozen=True, kw_only=True):
    """What the cluster or its configuration cannot do of what the document asks."""

    reason: Reason = Reason.NotSupportedByBackend
    remedy: str = ""


class Rendered(msgspec.Struct, frozen=True, kw_only=True):
    """What a cluster gets for one service.

    ``objects`` are in the order in which they are applied, without owner references.
    ``url`` is where a client outside reaches the service, ``address`` where one inside
    the cluster does; ``component_urls`` has the url of each component, ``rest_urls``
    and ``grpc_urls`` those of the components that speak HTTP and gRPC.
    """

    objects: tuple[KubernetesObject, ...] = ()
    problems: tuple[Problem, ...] = ()
    url: str = ""
    address: str = ""
    component_urls: dict[str, str] = {}
    rest_urls: dict[str, str] = {}
    grpc_urls: dict[str, str] = {}
