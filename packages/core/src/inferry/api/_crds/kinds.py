"""The kinds as the API server lists them: names, scope and printer columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inferry.api import _types
from inferry.api._graphs import InferenceGraph
from inferry.api._storage_containers import ClusterStorageContainer
from inferry.api._trained_models import TrainedModel

if TYPE_CHECKING:
    from inferry.api._meta import Api

_V1BETA1 = "serving.kserve.io/v1beta1"
_V1ALPHA1 = "serving.kserve.io/v1alpha1"
_TRAFFIC = ".status.components.predictor.traffic"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of ``kubectl get``; ``wide`` ones show with ``-o wide`` only."""

    name: str
    path: str
    type: str = "string"
    wide: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the column as Kubernetes spells it."""
        plain = {"name": self.name, "type": self.type, "jsonPath": self.path}
        return plain | ({"priority": 1} if self.wide else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFacts:
    """What a definition says of its kind besides the schema."""

    type: type[Api]
    api_version: str
    plural: str
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    columns: tuple[Column, ...]

    @property
    def kind(self) -> str:
        """The kind's name."""
        return self.type.__name__


_AGE = Column("Age", ".metadata.creationTimestamp", "date")
_URL = Column("URL", ".status.url")
_READY = Column("Ready", ".status.conditions[?(@.type=='Ready')].status")
_REASON = Column("Reason", ".status.conditions[?(@.type=='Ready')].reason", wide=True)
_SERVICE = (
    _URL,
    _READY,
    Column("Prev", f"{_TRAFFIC}[?(@.tag=='prev')].percent", "integer"),
    Column("Latest", f"{_TRAFFIC}[?(@.latestRevision==true)].percent", "integer"),
    Column("PrevRolledoutRevision", f"{_TRAFFIC}[?(@.tag=='prev')].revisionName"),
    Column(
        "LatestReadyRevision", f"{_TRAFFIC}[?(@.latestRevision==true)].revisionName"
    ),
    _REASON,
    _AGE,
)
_RUNTIME = (
    Column("Disabled", ".spec.disabled", "boolean"),
    Column("ModelType", ".spec.supportedModelFormats[*].name"),
    Column("Containers", ".spec.containers[*].name"),
    _AGE,
)

KINDS = (
    KindFacts(
        type=_types.InferenceService,
        api_version=_V1BETA1,
        plural="inferenceservices",
        short_names=("isvc",),
        columns=_SERVICE,
    ),
    KindFacts(
        type=_types.ServingRuntime,
        api_version=_V1ALPHA1,
        plural="servingruntimes",
        columns=_RUNTIME,
    ),
    KindFacts(
        type=_types.ClusterServingRuntime,
        api_version=_V1ALPHA1,
        plural="clusterservingruntimes",
        namespaced=False,
        columns=_RUNTIME,
    ),
    KindFacts(
        type=TrainedModel,
        api_version=_V1ALPHA1,
        plural="trainedmodels",
        short_names=("tm",),
        columns=(_URL, _READY, _REASON, _AGE),
    ),
    KindFacts(
        type=InferenceGraph,
        api_version=_V1ALPHA1,
        plural="inferencegraphs",
        short_names=("ig",),
        columns=(_URL, _READY, _REASON, _AGE),
    ),
    KindFacts(
        type=ClusterStorageContainer,
        api_version=_V1ALPHA1,
        plural="clusterstoragecontainers",
        namespaced=False,
        columns=(
            Column("Disabled", ".disabled", "boolean"),
            Column("Image", ".spec.container.image", wide=True),
            _AGE,
        ),
    ),
)
