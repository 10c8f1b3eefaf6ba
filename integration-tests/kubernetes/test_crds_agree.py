"""Whatever the loader takes the API server takes, over changes nobody thought of."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from bed.api import ApiError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_crds import KSERVES, placed

from inferry.api import loads

if TYPE_CHECKING:
    from bed.cluster import Cluster

OURS = {k: v for k, v in KSERVES.items() if v["apiVersion"].startswith("serving.")}
ODD = (
    *(None, 0, 1, -1, 0.5, True, 101, "", "a", "v2", "1Gi", "pvc://a/b", "../b", "/"),
    *([], {}, {"a": None}, {"name": "a"}, [{"name": "a"}]),
    [{"name": "a"}, {"name": "a"}],
)
MOST_EXAMPLES = 300
# A field of a few words takes no null on an API server, as KServe's own ones; it is
# refused there by name.
WORDS = frozenset(
    {"protocolVersion", "scaleMetric", "scaleMetricType", "dependency", "mode"}
    | {"workloadType", "type"}
)
# Objects of Kubernetes itself have rules that no definition states.
HEADS = frozenset({"apiVersion", "kind", "metadata"})


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner: list[tuple[Any, ...]] = []
    if isinstance(value, dict):
        inner = [each for k, v in value.items() for each in places(v, (*path, k))]
    elif isinstance(value, list):
        inner = [each for i, v in enumerate(value) for each in places(v, (*path, i))]
    return [path, *inner]


def changed(draw: Any) -> Any:
    """Return a document for KServe with something odd somewhere."""
    value = copy.deepcopy(draw(st.sampled_from(list(OURS.values()))))
    for _ in range(draw(st.sampled_from([1, 1, 2]))):
        possible = [p for p in places(value)[1:] if p[0] not in HEADS]
        place = draw(st.sampled_from(possible))
        inner = value
        for step in place[:-1]:
            inner = inner[step]
        odd = copy.deepcopy(draw(st.sampled_from(ODD)))
        if odd is not None or place[-1] not in WORDS:
            inner[place[-1]] = odd
    return value


def refusal(cluster: Cluster, document: Any) -> str:
    """Return why the API server does not take *document*; nothing is stored."""
    api = cluster.api
    plural = f"{document['kind'].lower()}s.serving.kserve.io"
    path = api.path(plural, "", document["metadata"].get("namespace", ""))
    strict = {"dryRun": "All", "fieldValidation": "Strict"}
    try:
        api.request("POST", path, document, **strict)
    except ApiError as error:
        return error.message
    return ""


@settings(
    max_examples=MOST_EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.data())
def test_what_the_loader_takes_the_api_server_takes(
    cluster: Cluster, data: st.DataObject
) -> None:
    """So that whatever the API server refuses, the loader refuses, too."""
    document = placed(changed(data.draw), "default")
    document["metadata"]["name"] = "changed"
    if loads(json.dumps(document)).errors:
        return
    assert refusal(cluster, document) == ""
