"""Host names: each is one service's, and the first one keeps it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from inferry_controller.reconciling.claims import Claims, hosts_of

HOST = "a-b-c.example.com"


def test_the_first_service_keeps_a_host_name() -> None:
    """``a-b`` in namespace ``c`` and ``a`` in ``b-c`` make the same one."""
    claims = Claims()
    assert claims.take("c/a-b", {HOST}) == ("", "")
    assert claims.take("b-c/a", {HOST}) == (HOST, "c/a-b")
    assert claims.take("c/a-b", {HOST, "more.example.com"}) == ("", "")


def test_a_host_name_that_is_let_go_is_free() -> None:
    claims = Claims()
    claims.take("c/a-b", {HOST})
    claims.take("c/a-b", {"other.example.com"})
    assert claims.take("b-c/a", {HOST}) == ("", "")
    claims.forget("b-c/a")
    assert claims.take("c/a-b", {HOST}) == ("", "")


def test_who_is_refused_keeps_what_it_has() -> None:
    claims = Claims()
    claims.take("c/a-b", {HOST})
    claims.take("b-c/a", {"mine.example.com"})
    assert claims.take("b-c/a", {HOST}) == (HOST, "c/a-b")
    taken = claims.take("x/y", {"mine.example.com"})
    assert taken == ("mine.example.com", "b-c/a")


def test_a_status_tells_what_a_service_had_before_a_restart() -> None:
    claims = Claims()
    claims.told(
        "c/a-b",
        {
            "url": f"http://{HOST}",
            "components": {
                "predictor": {"url": "http://a-b-predictor-c.example.com"},
                "transformer": {},
            },
        },
    )
    claims.told("c/new", {})
    claims.told("c/inside", {"url": "http://inside.c.svc.cluster.local"})
    assert claims.take("b-c/a", {HOST}) == (HOST, "c/a-b")
    assert claims.take("b-c/a", {"a-b-predictor-c.example.com"})[1] == "c/a-b"
    assert claims.take("d/e", {"inside.c.svc.cluster.local"}) == ("", "")


def test_the_hosts_of_every_kind_of_route_are_claimed() -> None:
    """But neither the one that all share nor those of Services."""
    objects = [
        {"kind": "Deployment", "spec": {}},
        {"kind": "HTTPRoute", "spec": {"hostnames": ["a.example.com"]}},
        {"kind": "HTTPRoute", "spec": {"hostnames": ["example.com"]}},
        {"kind": "Ingress", "spec": {"rules": [{"host": "b.example.com"}]}},
        {
            "kind": "VirtualService",
            "spec": {"hosts": ["x.y.svc.cluster.local", "c.example.com"]},
        },
    ]
    assert hosts_of(objects, "example.com") == {
        "a.example.com",
        "b.example.com",
        "c.example.com",
    }


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.none() | st.sets(st.sampled_from("12345"))
        ),
        max_size=30,
    )
)
def test_no_two_services_ever_have_one_host(
    steps: list[tuple[str, set[str] | None]],
) -> None:
    claims, held = Claims(), dict[str, set[str]]()
    for key, hosts in steps:
        if hosts is None:
            claims.forget(key)
            held.pop(key, None)
            continue
        others = set().union(*(mine for each, mine in held.items() if each != key))
        host, _ = claims.take(key, hosts)
        assert bool(host) == bool(hosts & others)
        if not host:
            held[key] = hosts
