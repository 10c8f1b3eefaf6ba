"""What the controller keeps for itself in ``status.inferry``, for after a restart.

It is small on purpose: with it a restarted controller knows of each child whether it is
still as it was left, without rendering it.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.planning import RuntimeChoice  # noqa: TC001 - msgspec reads it at run time
from inferry_controller.observing.facts import History

if TYPE_CHECKING:
    from collections.abc import Mapping


class Child(msgspec.Struct, frozen=True, array_like=True):
    """One child: a digest of what was asked for, and of what the server made of it."""

    asked: str
    live: str


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What was done for a service.

    ``inputs`` is a digest of all that the last finished pass rested on, ``seen`` one of
    the facts that its status told, ``ready`` the replicas that answered then. ``plain``
    says that one revision had all the traffic and nothing waited. ``runtime`` is the
    predictor's, chosen for the spec of digest ``spec``, and ``release`` the release of
    ours whose images it got. ``weights`` are those of the route, by slot; ``saved`` are
    the revisions that a ControllerRevision keeps. ``children`` are by ``Kind/name``.
    """

    inputs: str = ""
    seen: str = ""
    ready: int = 0
    plain: bool = False
    spec: str = ""
    runtime: RuntimeChoice | None = None
    release: str = ""
    history: History = History()
    weights: dict[str, int] = {}
    saved: tuple[str, ...] = ()
    children: dict[str, Child] = {}


def record_of(status: Mapping[str, Any]) -> Record:
    """Return the record in *status*; an empty one where there is none to read."""
    try:
        return msgspec.convert(status.get("inferry") or {}, Record)
    except msgspec.ValidationError:
        return Record()


def written(record: Record) -> dict[str, Any]:
    """Return *record* as it stands in the status."""
    document: dict[str, Any] = msgspec.to_builtins(record)
    return document


def short(digest: bytes) -> str:
    """Return *digest* as few letters."""
    return urlsafe_b64encode(digest[:9]).decode()
