"""Routes: host, then prefix, then model."""

from __future__ import annotations

from typing import Any

import pytest

from inferry_gateway import Service
from inferry_gateway._answers import Refusal
from inferry_gateway._table import Table

IRIS = Service("default", "iris", ("iris-default.example.com",), ("iris", "org/iris"))
MAGIKA = Service("ml", "magika", ("magika-ml.example.com",), ("magika", "shared"))
OTHER = Service("ml", "other", ("Other-ML.example.com:80",), ("shared",))


@pytest.fixture
def table() -> Table[str]:
    return Table((s, s.key) for s in (IRIS, MAGIKA, OTHER))


@pytest.mark.parametrize(
    ("host", "target", "expected"),
    [
        ("iris-default.example.com", "/v2/health/ready", ("default/iris", None)),
        ("IRIS-Default.Example.COM:8080", "/", ("default/iris", None)),
        ("iris-default.example.com.", "/", ("default/iris", None)),
        ("other-ml.example.com", "/x", ("ml/other", None)),
        # the host decides, whatever the path says
        ("iris-default.example.com", "/serving/ml/magika/a", ("default/iris", None)),
        ("iris-default.example.com", "/v2/models/magika", ("default/iris", None)),
        # then the prefix, which is cut
        (
            "x",
            "/serving/ml/magika/v2/models/m?q=/a",
            ("ml/magika", "/v2/models/m?q=/a"),
        ),
        ("x", "/serving/ml/magika", ("ml/magika", "/")),
        ("x", "/serving/ml/magika/", ("ml/magika", "/")),
        ("x", "/serving/ml/magika?q", ("ml/magika", "/?q")),
        ("x", "/serving/ml/mag%69ka/a%2Fb", ("ml/magika", "/a%2Fb")),
        ("[::1]:8080", "/serving/ml/magika//a", ("ml/magika", "//a")),
        # then the model
        ("", "/v2/models/iris", ("default/iris", None)),
        ("x", "/v2/models/iris/infer", ("default/iris", None)),
        ("x", "/v2/models/iris/versions/1/infer?a", ("default/iris", None)),
        ("x", "/v2/repository/models/iris/load", ("default/iris", None)),
        ("x", "/v1/models/iris", ("default/iris", None)),
        ("x", "/v1/models/iris:predict", ("default/iris", None)),
        ("x", "/v1/models/iris:explain", ("default/iris", None)),
        ("x", "/v1/models/iris%3Apredict", ("default/iris", None)),
        ("x", "/v2/models/org%2Firis/infer", ("default/iris", None)),
        ("x", "/v1/models/%69ris:predict", ("default/iris", None)),
    ],
)
def test_routes(table: Any, host: Any, target: Any, expected: Any) -> None:
    for _ in range(2):  # the second answer comes from the memo
        route = table.match(host.encode(), target.encode())
        assert (route.state, route.target.decode()) == (
            expected[0],
            expected[1] or target,
        )


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/healthz",
        "/v2",
        "/v2/models",
        "/v2/models/",
        "/v1/models",
        "/serving",
        "/serving/",
        "/metrics",
        "/v2/health/ready",
        "/v2/repository/models/",
        "/v2/repository/index",
        "/v3/models/iris",
        "//",
    ],
)
def test_other_paths_are_the_gateways_own(table: Any, target: Any) -> None:
    assert table.match(b"localhost:8080", target.encode()) is None


@pytest.mark.parametrize(
    ("target", "status", "message"),
    [
        (
            "/v2/models/irs/infer",
            404,
            (
                "no model named 'irs', did you mean 'iris'? "
                "(known models: iris, magika, org/iris, shared)"
            ),
        ),
        (
            "/serving/ml/magica/x",
            404,
            (
                "no service named 'ml/magica', did you mean 'ml/magika'? "
                "(known services: default/iris, ml/magika, ml/other)"
            ),
        ),
        (
            "/serving/ml",
            404,
            "no service named 'ml' (known services: default/iris, ml/magika, ml/other)",
        ),
        (
            "/v2/models/shared/infer",
            400,
            (
                "model 'shared' belongs to ml/magika and ml/other: say which one by "
                "the path /serving/ml/magika/... or by the header "
                "'Host: magika-ml.example.com'"
            ),
        ),
        (
            "/serving/ml/magika/../../default/iris",
            400,
            "the path holds '.' or '..' segments; send it normalised",
        ),
        (
            "/serving/ml/%2e%2E/default",
            400,
            "the path holds '.' or '..' segments; send it normalised",
        ),
    ],
)
def test_refusals_say_what_is_known(
    table: Any, target: Any, status: Any, message: Any
) -> None:
    with pytest.raises(Refusal) as caught:
        table.match(b"x", target.encode())
    assert (caught.value.status, caught.value.message) == (status, message)


def test_dots_within_names_are_no_dot_segments(table: Any) -> None:
    table = Table([(Service("a", "b", models=("v1.5", "..x")), "s")])
    assert table.match(b"", b"/v2/models/v1.5/infer").state == "s"
    assert table.match(b"", b"/v2/models/..x").state == "s"


def test_a_path_of_nobody_names_the_ways_to_ask(table: Any) -> None:
    refusal = table.unknown(b"localhost", "/predict")
    assert refusal.status == 404
    assert refusal.message == (
        "no service for host 'localhost' and path '/predict'; use a service's host, "
        "/serving/NAMESPACE/NAME/... or /v2/models/MODEL/... "
        "(known services: default/iris, ml/magika, ml/other)"
    )


def test_without_services_the_refusal_says_so() -> None:
    table = Table(())
    with pytest.raises(Refusal, match=r"no model named 'a' \(no service is declared\)"):
        table.match(b"", b"/v2/models/a")


def test_long_lists_are_cut() -> None:
    services = [Service("n", f"s{i}", models=(f"m{i}",)) for i in range(9)]
    table = Table((s, s.key) for s in services)
    with pytest.raises(Refusal, match=r"known models: m0, m1, m2, m3, m4 and 4 more"):
        table.match(b"", b"/v2/models/zzz")


def test_the_memo_is_bounded(table: Any) -> None:
    for i in range(5000):
        table.match(b"x", b"/serving/ml/magika/%d" % i)
    table.match(b"x", b"/serving/ml/magika/" + b"a" * 10_000)
    assert len(table._memo) == 4096
