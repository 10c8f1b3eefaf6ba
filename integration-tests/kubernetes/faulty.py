"""Faults of services: what is wrong, and what a user must be told of it."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml
from bed.api import conditions
from controlled import SERVICES, predictor, service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from bed.api import Api, Object

#: The promise: a reason of its own so many seconds after the service was applied.
PROMISED = 30
#: Stands in Secrets and must stand nowhere else.
CANARY = "canary-3f9d1c"
#: A status is read in a table: no line of it may be longer.
LONGEST = 600


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One thing that is wrong with a service.

    ``says`` are words of the message, the name of the object that is at fault among
    them, ``advice`` those of the remedy. ``around`` is made first, in the place named
    ``where``. ``mend`` makes it good: documents to apply, or what is called with the
    API and the namespace; the service is Ready then where ``heals``.
    """

    document: Object
    reason: str
    says: tuple[str, ...]
    advice: str = ""
    phase: str = "Failed"
    where: str = "plain"
    around: tuple[Object, ...] = ()
    mend: tuple[Object, ...] | Callable[[Api, str], object] = ()

    @property
    def heals(self) -> bool:
        """Whether there is something that makes it good."""
        return bool(self.mend)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a service said of its fault, and how many seconds after it was applied."""

    status: Mapping[str, Any]
    seconds: float


def named(name: str, document: Object) -> Object:
    """Return *document* with another name."""
    return {**document, "metadata": {**document["metadata"], "name": name}}


def model(**fields: Any) -> Object:
    """Return a service with these fields of its model."""
    return service(predictor={"model": {**predictor()["model"], **fields}})


def pod(**fields: Any) -> Object:
    """Return a service with these fields of its pod."""
    return service(predictor=predictor(**fields))


def inject(
    faults: Mapping[str, Fault], api: Api, places: Mapping[str, str]
) -> dict[str, float]:
    """Apply every fault in its place; return when each service was applied."""
    at = {}
    for name, fault in faults.items():
        place = places[fault.where]
        for each in fault.around:
            api.apply(each, place)
        at[name] = time.monotonic()
        api.apply(named(name, fault.document), place, manager="kubectl")
    return at


def watched(
    faults: Mapping[str, Fault],
    api: Api,
    places: Mapping[str, str],
    at: Mapping[str, float],
) -> dict[str, Told]:
    """Watch all services until each says its reason in full, or its time is over."""
    waiting, found = set(faults), {}
    while waiting:
        for place in {places[faults[name].where] for name in waiting}:
            now = time.monotonic()
            for each in api.list(SERVICES, place):
                name = each["metadata"]["name"]
                if name not in waiting or places[faults[name].where] != place:
                    continue
                status, passed = each.get("status") or {}, now - at[name]
                if _is_told(faults[name], status) or passed > PROMISED:
                    found[name] = Told(status=status, seconds=passed)
                    waiting.discard(name)
        time.sleep(0.2)
    return found


def _is_told(fault: Fault, status: Mapping[str, Any]) -> bool:
    """Say whether *status* has the reason, and the words that events bring later."""
    message = status.get("message", "")
    return status.get("reason") == fault.reason and all(
        word in message for word in fault.says
    )


def check(name: str, fault: Fault, told: Told) -> None:
    """Check that *told* is all that a user must be told of *fault*."""
    status = told.status
    shown = yaml.safe_dump(dict(status))
    assert status.get("reason") == fault.reason, shown
    assert told.seconds <= PROMISED, f"{name} took {told.seconds:.1f} s"
    message, remedy = status.get("message", ""), status.get("remedy", "")
    assert [word for word in fault.says if word not in message] == [], shown
    for line in (message, remedy):
        assert line, shown
        assert "\n" not in line, shown
        assert len(line) <= LONGEST, shown
        assert "Traceback" not in line, shown
    assert fault.advice in remedy, shown
    assert status["phase"] == fault.phase, shown
    found = conditions({"status": status})
    assert found["Ready"]["status"] == "False", shown
    assert found["Ready"]["reason"] == fault.reason, shown
    assert found["Ready"]["message"].strip(), shown


def put_right(name: str, fault: Fault, api: Api, place: str) -> None:
    """Take away what is wrong."""
    if callable(fault.mend):
        fault.mend(api, place)
        return
    for each in fault.mend:
        again = each["kind"] == "InferenceService"
        api.apply(
            named(name, each) if again else each,
            place,
            manager="kubectl" if again else "test",
        )


def no_secret(documents: Iterable[object]) -> None:
    """Check that none of *documents* holds what only Secrets may."""
    text = json.dumps(list(documents))
    assert CANARY not in text, text[max(0, text.find(CANARY) - 400) :][:800]
