"""HTTPRoutes: hosts, rules, shares, and how few of them there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from inferry_controller.rendering import Placement, Surroundings, fresh
from inferry_controller.rendering.shares import weights

if TYPE_CHECKING:
    from conftest import Bench
    from inferry_controller.rendering import Rendered

MODEL = "model: {modelFormat: {name: acme}, storageUri: 's3://b/m'}"
TRANSFORMER = "transformer:\n  containers: [{name: t, image: transform}]"
EXPLAINER = "explainer:\n  containers: [{name: e, image: explain}]"


def _routes(rendered: Rendered) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each["spec"]
        for each in rendered.objects
        if each["kind"] == "HTTPRoute"
    }


def _backends(rule: dict[str, Any]) -> dict[str, int]:
    return {each["name"]: each["weight"] for each in rule["backendRefs"]}


def test_service_of_a_predictor_alone_is_one_route_with_both_hosts(
    bench: Bench,
) -> None:
    """Their rules are the same, and every object costs a call."""
    routes = _routes(bench.render())
    assert list(routes) == ["iris"]
    assert routes["iris"]["hostnames"] == [
        "iris-team.example.com",
        "iris-predictor-team.example.com",
    ]
    assert routes["iris"]["parentRefs"] == [
        {
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "name": "kserve-ingress-gateway",
            "namespace": "kserve",
        }
    ]


def test_rule_names_the_service_in_headers_and_limits_the_time(bench: Bench) -> None:
    """KServe's headers; its 60 seconds where the component says nothing."""
    rule = _routes(bench.render())["iris"]["rules"][-1]
    assert rule == {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        "filters": [
            {
                "type": "RequestHeaderModifier",
                "requestHeaderModifier": {
                    "set": [
                        {"name": "KServe-Isvc-Name", "value": "iris"},
                        {"name": "KServe-Isvc-Namespace", "value": "team"},
                    ]
                },
            }
        ],
        "backendRefs": [
            {
                "group": "",
                "kind": "Service",
                "name": "iris-predictor",
                "port": 80,
                "weight": 100,
            }
        ],
        "timeouts": {"request": "60s"},
    }


@pytest.mark.parametrize(
    ("timeout", "written"), [(5, "5s"), (99999, "99999s"), (100000, "28h")]
)
def test_timeout_is_the_component_s_as_the_gateway_api_writes_it(
    bench: Bench, timeout: int, written: str
) -> None:
    """A unit has at most five digits."""
    rules = _routes(bench.render(f"timeout: {timeout}"))["iris"]["rules"]
    assert {each["timeouts"]["request"] for each in rules} == {written}


def test_timeouts_can_be_left_to_the_gateway(bench: Bench) -> None:
    """KServe's disableHTTPRouteTimeout."""
    rules = _routes(bench.render(route_timeouts=False))["iris"]["rules"]
    assert not any("timeouts" in each for each in rules)


def test_grpc_goes_to_its_own_port(bench: Bench) -> None:
    """The path of a call says what it is; no pattern is needed."""
    rule = _routes(bench.render())["iris"]["rules"][0]
    assert rule["matches"] == [
        {"path": {"type": "PathPrefix", "value": "/inference.GRPCInferenceService"}}
    ]
    assert rule["backendRefs"][0]["port"] == 8081


def test_transformer_takes_the_requests_and_the_predictor_keeps_its_host(
    bench: Bench,
) -> None:
    """Its own host has the same rules, and so the same route."""
    routes = _routes(bench.render(bench.service(MODEL, spec=TRANSFORMER)))
    assert {name: spec["hostnames"] for name, spec in routes.items()} == {
        "iris": ["iris-team.example.com", "iris-transformer-team.example.com"],
        "iris-predictor": ["iris-predictor-team.example.com"],
    }
    assert _backends(routes["iris"]["rules"][-1]) == {"iris-transformer": 100}
    assert _backends(routes["iris-predictor"]["rules"][-1]) == {"iris-predictor": 100}


def test_explanations_come_first_and_match_the_model_s_name(bench: Bench) -> None:
    """An exact path: a pattern is not portable between gateways."""
    routes = _routes(bench.render(bench.service(MODEL, spec=EXPLAINER)))
    first = routes["iris"]["rules"][0]
    assert first["matches"] == [
        {"path": {"type": "Exact", "value": "/v1/models/iris:explain"}}
    ]
    assert _backends(first) == {"iris-explainer": 100}
    assert routes["iris-explainer"]["hostnames"] == ["iris-explainer-team.example.com"]


def test_pattern_is_used_only_where_no_name_is_known(bench: Bench) -> None:
    """A container of the user's may call its model as it likes."""
    text = bench.service("containers: [{name: c, image: i}]", spec=EXPLAINER)
    match = _routes(bench.render(text))["iris"]["rules"][0]["matches"][0]["path"]
    assert match["type"] == "RegularExpression"
    named = text.replace("image: i}", "image: i, args: [--model_name, mine]}", 1)
    match = _routes(bench.render(named))["iris"]["rules"][0]["matches"][0]["path"]
    assert match == {"type": "Exact", "value": "/v1/models/mine:explain"}


def test_further_domains_are_hosts_of_the_service_alone(bench: Bench) -> None:
    """As KServe's additionalIngressDomains."""
    (route,) = _routes(bench.render(additional_domains=("b.org",))).values()
    assert route["hostnames"] == [
        "iris-team.example.com",
        "iris-team.b.org",
        "iris-predictor-team.example.com",
    ]


def test_more_hosts_than_a_route_can_have_are_told(bench: Bench) -> None:
    """The Gateway API has a bound of 16."""
    rendered = bench.render(additional_domains=tuple(f"d{n}.org" for n in range(20)))
    (route,) = _routes(rendered).values()
    assert len(route["hostnames"]) == 16
    (problem,) = rendered.problems
    assert problem.path == "[kubernetes] additional_domains"


def test_shared_host_is_claimed_for_the_service_s_own_path_alone(bench: Bench) -> None:
    """KServe claims all of it, so that the services fight for it."""
    routes = _routes(
        bench.render(path_template="/serving/{{ .Namespace }}/{{ .Name }}")
    )
    shared = routes["iris-path"]
    assert shared["hostnames"] == ["example.com"]
    (rule,) = shared["rules"]
    assert rule["matches"] == [
        {"path": {"type": "PathPrefix", "value": "/serving/team/iris"}}
    ]
    assert rule["filters"][-1] == {
        "type": "URLRewrite",
        "urlRewrite": {
            "path": {"type": "ReplacePrefixMatch", "replacePrefixMatch": "/"}
        },
    }
    assert "example.com" not in routes["iris"]["hostnames"]


@pytest.mark.parametrize(
    "label", ["networking.kserve.io/visibility", "networking.knative.dev/visibility"]
)
def test_service_for_the_cluster_alone_has_no_route(bench: Bench, label: str) -> None:
    """Its url is that of the Service."""
    text = bench.service(MODEL, metadata=f"labels: {{{label}: cluster-local}}")
    rendered = bench.render(text)
    assert not _routes(rendered)
    inside = "http://iris-predictor.team.svc.cluster.local"
    assert (rendered.url, rendered.component_urls) == (inside, {"predictor": inside})


def test_cluster_without_the_gateway_api_is_told_why_there_is_no_route(
    bench: Bench,
) -> None:
    """With the reason that a status gives."""
    rendered = bench.render(around=Surroundings(kinds=frozenset()))
    assert not _routes(rendered)
    (problem,) = rendered.problems
    assert problem.reason == "IngressNotSupported"


CANARIES = """
canary:
- trafficPercent: 10
  predictor:
    name: next
    model: {modelFormat: {name: acme}, storageUri: 's3://b/next'}
- trafficPercent: 0
  predictor:
    name: dark
    model: {modelFormat: {name: acme}, storageUri: 's3://b/dark'}
"""


def test_named_canaries_get_their_shares_and_a_dark_one_none(bench: Bench) -> None:
    """A backend with weight 0 stays listed: the gateway then knows where it is."""
    routes = _routes(bench.render(bench.service(MODEL, spec=CANARIES)))
    for rule in routes["iris"]["rules"]:
        assert _backends(rule) == {
            "iris-predictor": 90,
            "iris-next-predictor": 10,
            "iris-dark-predictor": 0,
        }


def test_canary_behind_a_transformer_is_told_that_it_gets_nothing(bench: Bench) -> None:
    """The transformer asks the stable predictor, whatever a route says."""
    text = bench.service(MODEL, spec=CANARIES + TRANSFORMER)
    rendered = bench.render(text)
    routes = _routes(rendered)
    assert _backends(routes["iris"]["rules"][-1]) == {"iris-transformer": 100}
    assert _backends(routes["iris-predictor"]["rules"][-1])["iris-next-predictor"] == 10
    assert [each.path for each in rendered.problems] == [
        "spec.canary[next].predictor.trafficPercent",
        "spec.canary[dark].predictor.trafficPercent",
    ]


@given(
    shares=st.lists(st.integers(0, 100), min_size=1, max_size=5).filter(
        lambda found: sum(found) <= 100
    ),
    main=st.integers(0, 4),
)
def test_weights_sum_to_100_and_no_canary_gets_more_than_its_share(
    shares: list[int], main: int
) -> None:
    """Never is a route without a backend that may be asked."""
    main %= len(shares)
    parts: list[Any] = [
        _Stub(_placement(weight=share, main=number == main))
        for number, share in enumerate(shares)
    ]
    found = weights(parts)
    assert sum(found) == 100
    assert [f for n, f in enumerate(found) if n != main] == [
        s for n, s in enumerate(shares) if n != main
    ]


def test_promotion_changes_weights_and_no_backend(bench: Bench) -> None:
    """What a gateway knows already cannot be missing when requests come."""
    text = bench.service(MODEL)
    (old,) = fresh(bench.planned(text))
    newer = msgspec.structs.replace(old.revision, name="feed")
    new = Placement(revision=newer, slot="@feed", weight=10, main=False)
    old = msgspec.structs.replace(old, weight=90)
    before = _routes(bench.render(text, placements=(new, old)))["iris"]
    new = msgspec.structs.replace(new, weight=100, main=True)
    old = msgspec.structs.replace(old, weight=0, main=False)
    after = _routes(bench.render(text, placements=(new, old)))["iris"]
    assert _backends(before["rules"][-1]) == {
        "iris-predictor-feed": 10,
        "iris-predictor": 90,
    }
    assert _backends(after["rules"][-1]) == {
        "iris-predictor-feed": 100,
        "iris-predictor": 0,
    }


class _Stub:
    """What `weights` looks at."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement


def _placement(**given: Any) -> Placement:
    from inferry.planning import RevisionPlan

    return Placement(revision=RevisionPlan(name="r", components=()), **given)
