"""Which backend opens a URI, and what a URI that none opens is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from inferry.storage import InvalidUri, NoBackend, Source
from inferry_storage.fetching.opening import choose, opened

if TYPE_CHECKING:
    from pathlib import Path

    from inferry.config import Settings
    from inferry.plugins import Plugins


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("s3://b/m", "s3"),
        ("https://example.com/m", "https"),
        ("https://acc.blob.core.windows.net/c/m", "azure"),
        ("https://example.com/m.git@main", "git"),
        ("models/m.onnx", "file"),
        ("file:///models/m.onnx", "file"),
        ("file:/models/m.onnx", "file"),
        ("hf://owner/model", "hf"),
    ],
)
def test_a_uri_has_its_backend(plugins: Plugins, uri: str, name: str) -> None:
    assert choose(uri, plugins).descriptor.name == name


def test_a_typo_is_told(plugins: Plugins) -> None:
    with pytest.raises(NoBackend, match=r"did you mean s3://bucket/m\?"):
        choose("s4://bucket/m", plugins)


def test_a_known_scheme_without_a_backend_says_what_reads_it(plugins: Plugins) -> None:
    with pytest.raises(NoBackend, match="inferry-storage-modelscope"):
        choose("modelscope://owner/model", plugins)


@pytest.mark.parametrize("uri", ["s3:/bucket/m", "s3:bucket/m", "s3//bucket/m"])
def test_half_a_uri_is_no_path(plugins: Plugins, uri: str) -> None:
    with pytest.raises(InvalidUri, match=r"did you mean s3://bucket/m\?"):
        choose(uri, plugins)


def test_a_path_that_looks_like_half_a_uri_is_one_if_it_is_there(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:m").mkdir()

    assert choose("s3:m", plugins).descriptor.name == "file"


async def test_a_library_that_is_missing_is_named_with_its_extra(
    plugins: Plugins, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("inferry_storage.fetching.opening.lacks_extra", lambda *_: True)

    with pytest.raises(NoBackend) as caught:
        async with opened(Source(uri="s3://b/m"), plugins=plugins, settings=settings):
            raise ModuleNotFoundError("No module named 'obstore'", name="obstore")

    assert caught.value.message == "s3://b/m needs 'obstore', which is not installed"
    assert caught.value.remedy == "pip install 'inferry-storage[s3]'"


@pytest.mark.parametrize("uri", ["h ttps://host/m", "://m", "\x01s3://bucket/m"])
def test_a_scheme_that_is_none_is_no_path(plugins: Plugins, uri: str) -> None:
    with pytest.raises(InvalidUri, match=r"…://.* does not begin with a scheme"):
        choose(uri, plugins)


@pytest.mark.parametrize("uri", ["az://[::1/m", "s4://]/m"])
def test_a_uri_that_cannot_be_taken_apart_is_none(plugins: Plugins, uri: str) -> None:
    with pytest.raises(InvalidUri, match="is not a URI: its host is none"):
        choose(uri, plugins)


def test_a_path_that_no_disk_has_is_not_looked_up(plugins: Plugins) -> None:
    with pytest.raises(InvalidUri, match="did you mean"):
        choose(f"s3:{'a' * 5000}", plugins)
