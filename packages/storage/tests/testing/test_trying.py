"""Every bad model, through the real `fetch`: let in 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.storage import UnsafePath
from inferry_storage.testing import BadFile, BadModel, Trying, bad_models, table

if TYPE_CHECKING:
    from pathlib import Path

MODELS = tuple(bad_models())
KINDS = sorted({model.kind for model in MODELS})


def test_there_are_more_than_enough() -> None:
    assert len(MODELS) >= 500
    assert len({model.name for model in MODELS}) - len(MODELS) == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_none_is_let_in(kind: str, tmp_path: Path) -> None:
    chosen = [model for model in MODELS if model.kind == kind]

    outcomes = await Trying(tmp_path).all(chosen)

    assert len(outcomes) == len(chosen)
    assert [each.model.name for each in outcomes if each.let_in] == []
    wrong = [(o.model.name, repr(o.error)) for o in outcomes if not o.expected]
    assert wrong == []
    said = [str(each.error) for each in outcomes]
    assert [text for text in said if "\n" in text or len(text) > 600] == []
    if not any(each.error and each.error.transient for each in outcomes):
        # What may come right is kept to go on from, and is seen by nobody.
        left = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
        assert [path for path in left if "locks" not in path.parts] == []


async def test_a_good_model_is_let_in_and_told(tmp_path: Path) -> None:
    good = BadModel(
        name="good", kind="name", files=(BadFile(path="a"),), errors=(UnsafePath,)
    )

    outcome = await Trying(tmp_path).one(good)

    assert outcome.let_in
    assert not outcome.expected
    assert table([outcome]).endswith("tried 1, let in 1")


def test_the_same_models_are_made_each_time() -> None:
    again = tuple(bad_models())

    changed = [
        one.name
        for one, other in zip(MODELS, again, strict=True)
        if (one.name, one.files) != (other.name, other.files)
    ]
    assert changed == []
