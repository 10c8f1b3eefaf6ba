"""`resolve`: which ladder is asked, with what, and what becomes of its errors."""

from __future__ import annotations

import os
import sys
import traceback
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from inferry.errors import StorageError
from inferry.plugins import ImportRef, StorageBackend
from inferry.storage import NoBackend
from inferry_storage.credentials import STEPS
from inferry_storage.plugin import inferry_storage_backends

if TYPE_CHECKING:
    from inferry.storage import Credentials, Lookup, Source

# A traceback shows the lines of this file.
VALUE = "hunter" + "2"
BACKENDS = [each for each in inferry_storage_backends() if each.credentials]


def crashes(source: Source, lookup: Lookup) -> Credentials:
    raise ValueError(lookup.environ["TOKEN"])


def third_party(**more: Any) -> StorageBackend:
    return StorageBackend(
        name="acme", schemes=("acme",), client=ImportRef("acme:Client"), **more
    )


def test_the_error_of_a_third_party_is_told_by_its_type_alone(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("acme_ladder")
    module.find = crashes  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "acme_ladder", module)
    backend = third_party(credentials=ImportRef("acme_ladder:find"))
    with pytest.raises(StorageError, match="failed with ValueError") as caught:
        ask("", "acme://a", backend=backend, environ={"TOKEN": VALUE})
    shown = "".join(traceback.format_exception(caught.value))
    assert VALUE not in shown


def test_a_ladder_that_is_not_installed_says_what_to_install(ask: Any) -> None:
    backend = third_party(credentials=ImportRef("acme_nowhere:find"))
    with pytest.raises(NoBackend, match="pip install"):
        ask("", "acme://a", backend=backend)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda each: each.name)
def test_every_ladder_asks_nobody_when_told_so(
    ask: Any, backend: StorageBackend
) -> None:
    scheme = backend.schemes[0]
    found = ask("", f"{scheme}://a/b", backend=backend, settings={"anonymous": True})
    assert found.rung == "anonymous"


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda each: each.name)
def test_every_ladder_ends_on_a_known_step_and_writes_nothing(
    ask: Any, backend: StorageBackend
) -> None:
    before = dict(os.environ)
    found = ask("", f"{backend.schemes[0]}://a/b", backend=backend)
    assert found.rung in {"ambient", "none"}
    assert found.rung in STEPS
    assert found.detail
    assert dict(os.environ) == before


def test_the_process_is_asked_where_nothing_else_is_given(
    ask: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from inferry.plugins import Provided
    from inferry.storage import Source
    from inferry_storage.credentials import resolve

    monkeypatch.setenv("HOME", str(ask.home))
    monkeypatch.setenv("ACME_TOKEN", "x")
    provided = Provided(
        descriptor=third_party(secret_keys=("ACME_TOKEN",)),
        plugin="acme",
        distribution="acme",
        version="1",
    )
    found = resolve(Source(uri="acme://a"), provided, settings=ask.settings())
    assert found.rung == "environment"
