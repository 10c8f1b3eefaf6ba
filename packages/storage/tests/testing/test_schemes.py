"""Bad models over the schemes: each is put on a server and fetched by its URI."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fakes.bucket import Bucket
from fakes.cluster import Namenode
from fakes.hub import Hub, Repository
from fakes.images import Registry

from inferry.config import load_settings
from inferry.plugins import Plugins, load_plugins
from inferry_storage.testing import BadModel, Trying, bad_models

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import WebServer

MODELS = tuple(bad_models())
LOCAL = {"allow_http": "true", "allow_networks": "127.0.0.0/8,::1/128"}
_MOST = 60


def chosen(*kinds: str, most_files: int = 9) -> list[BadModel]:
    """Return a spread of the models of these *kinds* that a server can give."""
    found = [
        model
        for model in MODELS
        if model.kind in kinds and len(model.files) <= most_files and _is_tree(model)
    ]
    return found[:: max(1, len(found) // _MOST)]


def _is_tree(model: BadModel) -> bool:
    """Say whether each name is there once, and no file is a folder as well."""
    paths = {file.path for file in model.files}
    return len(paths) == len(model.files) and not any(
        other.startswith(f"{path}/") for path in paths for other in paths
    )


@pytest.fixture
def plugins() -> Plugins:
    return load_plugins("local", load_settings(environ={}), only=["storage"])


class Server:
    """Puts bad models where a backend reads them; ``site`` is what it runs."""

    def __init__(self, site: Any) -> None:
        self.site = site
        self.count = 0

    @property
    def environment(self) -> dict[str, str]:
        return {}

    def put(self, model: BadModel) -> str:
        self.count += 1
        return self.stored(f"m{self.count}", model)

    def stored(self, place: str, model: BadModel) -> str:
        raise NotImplementedError


class OnWeb(Server):
    def stored(self, place: str, model: BadModel) -> str:
        path = f"/{place}/{model.files[0].path}"
        self.site.files[path] = model.files[0].data
        return str(self.site.url(path))


class OnBucket(Server):
    @property
    def environment(self) -> dict[str, str]:
        return dict(self.site.values)

    def stored(self, place: str, model: BadModel) -> str:
        for file in model.files:
            self.site.objects[f"{place}/{file.path}"] = file.data
        return f"s3://models/{place}"


class OnHub(Server):
    @property
    def environment(self) -> dict[str, str]:
        return {"HF_ENDPOINT": self.site.url}

    def stored(self, place: str, model: BadModel) -> str:
        files = {file.path: file.data for file in model.files}
        self.site.repositories[f"org/{place}"] = Repository(files)
        return f"hf://org/{place}"


class OnCluster(Server):
    @property
    def environment(self) -> dict[str, str]:
        return {"HDFS_NAMENODE": self.site.url}

    def stored(self, place: str, model: BadModel) -> str:
        for file in model.files:
            self.site.files[f"/{place}/{file.path}"] = file.data
        return f"hdfs:///{place}"


class InRegistry(Server):
    def stored(self, place: str, model: BadModel) -> str:
        return str(self.site.push(place, [file.data for file in model.files]))


_SERVERS: dict[str, tuple[type[Server], Any]] = {
    "s3": (OnBucket, Bucket),
    "hf": (OnHub, Hub),
    "hdfs": (OnCluster, Namenode),
    "oci": (InRegistry, Registry),
}


@pytest.fixture
def server(request: pytest.FixtureRequest, web: WebServer) -> Iterator[Server]:
    if request.param == "https":
        yield OnWeb(web)
        return
    kind, makes = _SERVERS[request.param]
    site = makes()
    try:
        yield kind(site)
    finally:
        site.stop()


SCHEMES = [
    ("https", chosen("archive", "code", most_files=1)),
    ("s3", chosen("name", "code")),
    ("hf", chosen("name", "code")),
    ("hdfs", chosen("name", "code")),
    ("oci", chosen("layers")),
]


@pytest.mark.parametrize(
    ("server", "models"), SCHEMES, indirect=["server"], ids=[s for s, _ in SCHEMES]
)
async def test_none_is_let_in(
    server: Server,
    models: list[BadModel],
    plugins: Plugins,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    trying = Trying(tmp_path, put=server.put, plugins=plugins, settings=LOCAL)

    outcomes = await trying.all(models)

    assert len(outcomes) >= 50
    assert [each.model.name for each in outcomes if each.let_in] == []
    # Credentials, addresses and the like are not what they were refused for.
    assert {type(each.error).__name__ for each in outcomes} <= {
        *("UnsafePath", "UnsafeArchive", "UnsafeFormat", "Corrupt", "TooLarge"),
        *("EmptyModel", "NotAllowed", "NotFound", "InvalidUri", "Truncated"),
    }
