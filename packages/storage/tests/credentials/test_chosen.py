"""Which secrets are used, and which were meant to be."""

from __future__ import annotations

from typing import Any

import pytest

from inferry.storage import Secret

MINIO = Secret(name="minio", data={"HF_TOKEN": "x"})
CONFIG = Secret(name="storage-config", data={"k": "{}"})
EMPTY = Secret(name="sa", kind="ServiceAccount")
LISTS = Secret(name="sa", kind="ServiceAccount", lists=("gone",))


@pytest.mark.parametrize(
    ("secrets", "source", "words"),
    [
        ((MINIO,), {}, "neither the service nor its account names secret 'minio'"),
        (
            (MINIO, EMPTY),
            {"service_account": "sa"},
            "neither the service nor its account names secret 'minio'",
        ),
        ((), {"named": ("gone",)}, "secret 'gone' is not here"),
        ((LISTS,), {"service_account": "sa"}, "secret 'gone' is not here"),
        ((), {"service_account": "who"}, "service account 'who' is not here"),
    ],
)
@pytest.mark.parametrize("kind", ["hf", "gs", "s3"])
def test_what_was_meant_and_is_not_used_is_told(
    ask: Any, kind: str, secrets: Any, source: Any, words: str
) -> None:
    found = ask(kind, f"{kind}://owner/model", secrets=secrets, **source)
    assert found.detail.endswith(f"; {words}")


def test_nothing_is_told_where_nothing_was_meant(ask: Any) -> None:
    found = ask("s3", "s3://b/m", secrets=(CONFIG, EMPTY))
    assert found.detail == "metadata server (not asked)"


def test_nothing_is_told_where_something_answers(ask: Any) -> None:
    found = ask("hf", "hf://o/m", secrets=(MINIO,), environ={"HF_TOKEN": "y"})
    assert found.detail == "HF_TOKEN"
