"""From what is stored of a service to its plan, now and of an earlier revision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import orjson

from inferry.api import InferenceService, from_object
from inferry.errors import InferryError, InvalidDocument, PlanningError
from inferry.planning import plan
from inferry.status import Reason
from inferry_controller.options import this_release
from inferry_controller.reconciling.records import short
from inferry_controller.reconciling.stored import digest

if TYPE_CHECKING:
    from inferry.planning import RevisionPlan, RuntimeChoice, ServingPlan
    from inferry_controller.reconciling.records import Record
    from inferry_controller.reconciling.stored import StoredService
    from inferry_controller.reconciling.world import World

BACKEND = "kubernetes"


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A service, planned: ``spec`` is its spec as JSON, ``spec_digest`` of it.

    ``release`` is the release of ours that has its images.
    """

    plan: ServingPlan
    spec: str
    spec_digest: str
    release: str

    @property
    def runtime(self) -> RuntimeChoice | None:
        """The runtime of the stable predictor."""
        part = self.plan.revisions[0].component("predictor")
        return part.runtime if part else None


def planned(service: StoredService, world: World, record: Record) -> Planned:
    """Plan *service*; its runtime stays while its spec does.

    Raises:
        PlanningError: It cannot be served, with a reason and a remedy.

    """
    document = service.document()
    spec = orjson.dumps(document["spec"], option=orjson.OPT_SORT_KEYS)
    of_spec = short(digest(spec))
    same = record.spec == of_spec
    made = plan(
        _typed(document),
        world.catalog(service.namespace),
        backend=BACKEND,
        mode=world.options.mode,
        previous=record.runtime if same else None,
    )
    return Planned(
        plan=made,
        spec=spec.decode(),
        spec_digest=of_spec,
        release=(record.release if same else "") or this_release(),
    )


def planned_again(
    service: StoredService, world: World, revision: str, spec: str
) -> RevisionPlan:
    """Plan an earlier *revision* of *service* from the *spec* that it had.

    Raises:
        PlanningError: It can be served no more.

    """
    document = service.document()
    before = orjson.loads(spec)
    before.pop("canary", None)
    before.pop("canaryTrafficPercent", None)
    before.get("predictor", {}).pop("canaryTrafficPercent", None)
    document["spec"] = before
    made = plan(
        _typed(document),
        world.catalog(service.namespace),
        backend=BACKEND,
        mode=world.options.mode,
    ).revisions[0]
    return msgspec.structs.replace(made, name=revision, percent=None)


def _typed(document: dict[str, Any]) -> InferenceService:
    try:
        typed = from_object(document)
    except PlanningError:
        raise
    except InferryError as error:
        problems = error.problems if isinstance(error, InvalidDocument) else ()
        raise PlanningError(
            "; ".join(problems) or error.message,
            reason=Reason.InvalidSpec,
            remedy=error.remedy,
        ) from error
    assert isinstance(typed, InferenceService)  # noqa: S101 - by its kind
    return typed
