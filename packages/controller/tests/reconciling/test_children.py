"""Children as watches tell them, with our own writes before they are told."""

from __future__ import annotations

from inferry_controller.observing.facts import Fact
from inferry_controller.reconciling.children import Children


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def fact(version: str, live: bytes = b"x", uid: str = "u") -> Fact:
    """Return one state of a Service of the service iris."""
    return Fact(
        kind="Service",
        namespace="team",
        name="iris-predictor",
        uid=uid,
        version=version,
        service="iris",
        live=live,
    )


def test_a_change_names_the_service() -> None:
    """And one that only the version tells apart names nobody."""
    children = Children()

    assert children.change(None, fact("1")) == "team/iris"
    assert children.change(fact("1"), fact("2")) == ""
    assert children.change(fact("2"), fact("3", b"y")) == "team/iris"


def test_what_was_written_is_known_before_it_is_told() -> None:
    """An older state that is told late does not undo it."""
    children = Children()
    children.change(None, fact("5", b"old"))
    children.assume(fact("9", b"new"))

    late = children.change(fact("5", b"old"), fact("7", b"old"))

    assert late == ""
    assert children.of("team/iris")["Service", "iris-predictor"].live == b"new"


def test_our_own_write_is_no_news_when_it_is_told() -> None:
    """Nothing has to be looked at again."""
    children = Children()
    children.change(None, fact("5", b"old"))
    children.assume(fact("9", b"new"))

    assert children.change(fact("5", b"old"), fact("9", b"new")) == ""


def test_what_is_gone_is_gone() -> None:
    """Even if it was written a moment before."""
    children = Children()
    children.change(None, fact("5"))
    children.assume(fact("9", b"new"))

    assert children.change(fact("5"), None) == "team/iris"
    assert children.of("team/iris") == {}


def test_a_write_that_no_watch_ever_tells_is_forgotten() -> None:
    """The object was deleted before the watch saw it."""
    clock = Clock()
    children = Children(clock)
    children.assume(fact("9"))
    clock.now = 60.0

    assert children.of("team/iris") == {}


def test_a_name_is_known_to_belong_to_another_service() -> None:
    """The canary ``b`` of ``a`` and the predictor of ``a-b`` have one name."""
    children = Children()
    taken = Fact(
        kind="Deployment",
        namespace="team",
        name="a-b-predictor",
        uid="u",
        version="1",
        service="a-b",
    )
    child = ("Deployment", "a-b-predictor")
    assert children.holder("team/a", child) == ""
    children.assume(taken)
    assert children.holder("team/a", child) == "team/a-b"
    children.forget("team/a-b")
    children.change(None, taken)
    assert children.holder("team/a", child) == "team/a-b"
    assert children.holder("team/a-b", child) == ""
    assert children.holder("other/a", child) == ""


def test_a_service_may_have_the_very_name_of_anothers_child() -> None:
    """The route of ``a-predictor`` and that of the predictor of ``a``."""
    children = Children()
    children.change(
        None,
        Fact(
            kind="HTTPRoute",
            namespace="team",
            name="a-predictor",
            uid="u",
            version="1",
            service="a-predictor",
        ),
    )
    found = children.holder("team/a", ("HTTPRoute", "a-predictor"))
    assert found == "team/a-predictor"


def test_what_others_do_while_a_pass_is_under_way_disturbs_it() -> None:
    """They may change or delete what it has looked at already."""
    children = Children()
    children.change(None, fact("1"))
    for after in (fact("2", b"theirs"), None):
        children.begin("team/iris")
        children.change(fact("1"), after)
        assert children.disturbed("team/iris")
        assert not children.disturbed("team/iris")


def test_our_own_write_disturbs_nothing_however_early_it_is_told() -> None:
    """What others write after it does."""
    children = Children()
    children.change(None, fact("1"))
    children.begin("team/iris")
    children.change(fact("1"), fact("2", b"ours"))
    children.assume(fact("2", b"ours"))
    assert not children.disturbed("team/iris")

    children.begin("team/iris")
    children.assume(fact("3", b"again"))
    children.change(fact("2", b"ours"), fact("3", b"again"))
    assert not children.disturbed("team/iris")

    children.begin("team/iris")
    children.change(fact("3", b"again"), fact("4", b"ours"))
    children.change(fact("4", b"ours"), fact("5", b"theirs"))
    children.assume(fact("4", b"ours"))
    assert children.disturbed("team/iris")


def test_a_write_that_no_watch_tells_of_is_looked_at_again() -> None:
    """Where it was deleted before a list followed a broken watch."""
    clock = Clock()
    children = Children(clock)
    children.assume(fact("1"))
    left = children.unconfirmed("team/iris")
    assert left is not None

    clock.now += left
    assert children.of("team/iris") == {}
    assert children.unconfirmed("team/iris") is None

    children.assume(fact("1"))
    children.change(None, fact("1"))
    assert children.unconfirmed("team/iris") is None
