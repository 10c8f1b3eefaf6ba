"""The metrics page, read the way Prometheus does."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from inferry_gateway import Endpoint, Service, Target
from inferry_gateway._balancing import Balancer
from inferry_gateway._metrics import BUCKETS, Histogram, render

SAMPLE = re.compile(
    r'([a-z_]+)(?:\{((?:[a-z]+="(?:[^"\\\n]|\\.)*",?)*)\})? (\d+(?:\.\d+)?)\Z'
)


def parse(body: Any) -> Any:
    samples = {}
    types = {}
    for line in body.decode().splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            types[name] = kind
        elif not line.startswith("# HELP "):
            match = SAMPLE.match(line)
            assert match, line
            name = re.sub(r"_(bucket|sum|count)\Z", "", match[1])
            assert match[1] in types or name in types
            samples[match[1], match[2] or ""] = float(match[3])
    return samples


def balancer(name: Any = "iris") -> Any:
    target = Target("1", 100, (Endpoint("127.0.0.1", 1, 'r"\\\n'),))
    service = Service("default", name, targets=(target,))
    made = Balancer(service, max_waiting=1, retry_after=1)
    made.update(service, 0.0)
    return made


def test_counts_are_rendered_with_labels() -> None:
    one = balancer()
    one.codes.update({("1", 200): 1_234_567_890, ("1", 503): 2})
    samples = parse(render([one], Counter({404: 3}), 7))
    name = "inferry_gateway_"
    labels = 'namespace="default",service="iris"'
    assert samples[f"{name}requests_total", f'{labels},revision="1",code="200"'] == (
        1_234_567_890
    )
    assert samples[f"{name}in_flight", labels] == 0
    assert samples[f"{name}waiting", labels] == 0
    assert samples[f"{name}unrouted_total", 'code="404"'] == 3
    assert samples[f"{name}connections", ""] == 7


def test_label_values_are_escaped() -> None:
    body = render([balancer()], Counter(), 0)
    assert rb'replica="r\"\\\n"' in body
    parse(body)


def test_a_histogram_counts_cumulatively() -> None:
    histogram = Histogram()
    for seconds in (0.0005, 0.001, 0.3, 1000):
        histogram.observe(seconds)
    lines = list(histogram.lines("h", {"a": "b"}))
    assert lines[0] == 'h_bucket{a="b",le="0.001"} 2'
    assert lines[len(BUCKETS) - 1] == 'h_bucket{a="b",le="60"} 3'
    assert lines[len(BUCKETS)] == 'h_bucket{a="b",le="+Inf"} 4'
    assert lines[-2:] == ['h_sum{a="b"} 1000.301500', 'h_count{a="b"} 4']


async def test_the_page_shows_what_happened(world: Any) -> None:
    replica = await world.replica()
    await world.serve(replica)
    for _ in range(3):
        await world.ask("GET", "/")
    await world.ask("GET", "/nothing", Host="x")
    page = await world.ask("GET", "/metrics", Host="x")
    assert page.header("content-type") == "text/plain; version=0.0.4; charset=utf-8"
    samples = parse(page.body)
    labels = 'namespace="default",service="iris"'
    own = f'{labels},revision="1",code="200"'
    assert samples["inferry_gateway_requests_total", own] == 3
    assert samples["inferry_gateway_upstream_seconds_count", labels] == 3
    assert samples["inferry_gateway_unrouted_total", 'code="404"'] == 1
    replica_labels = f'{labels},revision="1",replica="r0"'
    assert samples["inferry_gateway_replica_requests_total", replica_labels] == 3
