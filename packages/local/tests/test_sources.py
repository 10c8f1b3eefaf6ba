"""A revision's model is fetched, told about, and let go of."""

from __future__ import annotations

from pathlib import Path

import pytest

from inferry.api import loads
from inferry.config import Settings
from inferry.errors import StorageError
from inferry.planning import ComponentPlan, RevisionPlan, secrets_of
from inferry.plugins import load_plugins
from inferry.storage import Source
from inferry_local.records import RevisionRecord
from inferry_local.sources import Fetcher, Fetching, outcome, words
from inferry_storage import Fetched, Progress

MIB = 2**20
SECRET = """
apiVersion: v1
kind: Secret
metadata: {name: storage-config}
stringData:
  here: '{"type": "s3", "access_key_id": "AK", "secret_access_key": "hunter2"}'
"""


@pytest.fixture
def fetcher(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Fetcher:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = Settings()
    return Fetcher(load_plugins("local", settings), settings)


def revision(*sources: Source) -> RevisionRecord:
    component = ComponentPlan(component="predictor", sources=sources)
    plan = RevisionPlan(name="a", components=(component,))
    return RevisionRecord(plan=plan, application="default.a.a.1")


def folder(tmp_path: Path, name: str) -> Path:
    path = tmp_path / name
    path.mkdir()
    (path / f"{name}.txt").write_text(name)
    return path


async def test_one_local_source_is_used_where_it_is(
    fetcher: Fetcher, tmp_path: Path
) -> None:
    one = folder(tmp_path, "one")
    record = revision(Source(uri=str(one)))
    assert await fetcher.fetch(record, lambda _: None) == one
    fetcher.release(record)
    assert record.held == []


async def test_several_sources_are_one_tree(fetcher: Fetcher, tmp_path: Path) -> None:
    record = revision(
        Source(uri=str(folder(tmp_path, "one"))),
        Source(uri=str(folder(tmp_path, "two")), mount_path="/mnt/models/sub"),
    )
    tree = await fetcher.fetch(record, lambda _: None)
    assert (tree / "one.txt").read_text() == "one"
    assert (tree / "sub" / "two.txt").read_text() == "two"


async def test_secrets_say_where_a_storage_key_leads(fetcher: Fetcher) -> None:
    """This one has no bucket, so the fetch ends before it asks anybody."""
    secrets = secrets_of([each.document for each in loads(SECRET).documents])
    record = revision(Source(uri="storage-config://here/m", storage_key="here"))
    with pytest.raises(StorageError, match="s3 needs a bucket") as caught:
        await fetcher.fetch(record, lambda _: None, secrets)
    assert "hunter2" not in str(caught.value)
    assert record.held == []


async def test_a_secret_of_another_namespace_is_not_there(fetcher: Fetcher) -> None:
    documents = [each.document for each in loads(SECRET).documents]
    record = revision(Source(uri="storage-config://here/m", storage_key="here"))
    with pytest.raises(StorageError, match="is not here"):
        await fetcher.fetch(record, lambda _: None, secrets_of(documents, "other"))


async def test_progress_is_told(fetcher: Fetcher, tmp_path: Path) -> None:
    told: list[Fetching] = []
    one, two = folder(tmp_path, "one"), folder(tmp_path, "two")
    record = revision(
        Source(uri=str(one)), Source(uri=str(two), mount_path="/mnt/models/b")
    )
    await fetcher.fetch(record, told.append)
    assert {each.text for each in told} == {"asking what the model is"}


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (
            Progress(uri="u", done_bytes=MIB, total_bytes=2 * MIB),
            "fetching the model: 1.0 of 2.0 MiB",
        ),
        (Progress(uri="u", done_bytes=MIB), "fetching the model: 1.0 MiB"),
        (
            Progress(uri="u", total_bytes=MIB, rate_bytes=MIB / 2, retries=1),
            "fetching the model: 0.0 of 1.0 MiB, 0.5 MiB/s, 1 retry",
        ),
        (
            Progress(uri="u", total_bytes=MIB, retries=2),
            "fetching the model: 0.0 of 1.0 MiB, 2 retries",
        ),
        (Progress(uri="u", phase="verifying"), "verifying the model"),
    ],
)
def test_progress_in_words(progress: Progress, text: str) -> None:
    assert words(progress) == text


@pytest.mark.parametrize(
    ("cached", "rung", "text"),
    [
        (False, "etag", "s3://b/m was fetched: 2.0 KiB, verified by etag"),
        (True, "digest", "s3://b/m is in the cache: 2.0 KiB, verified by digest"),
        (False, "local", ""),
    ],
)
def test_what_came_in_words(*, cached: bool, rung: str, text: str) -> None:
    fetched = Fetched(
        path=Path("m"), uri="s3://b/m", rung=rung, bytes=2048, cached=cached
    )
    assert outcome(fetched) == text
