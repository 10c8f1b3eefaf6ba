"""The local backend, whole: one Ray session for all tests of this module."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
import pytest_asyncio

from inferry.api import loads
from inferry.config import load_settings
from inferry.errors import BackendError, PlanningError
from inferry.plugins import (
    ImportRef,
    ModelFormat,
    Plugins,
    Provided,
    Runtime,
    load_plugins,
)
from inferry_local.supervisor import Supervisor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from inferry.api import Document
    from inferry.backends import ServiceStatus

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Ray's own: it leaves files and sockets to the end of the process.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.*"),
    pytest.mark.filterwarnings("ignore::FutureWarning:ray.*"),
]

MODELS = Path(__file__).with_name("models")
SERVICE = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
  annotations: {{{annotations}}}
spec:
  predictor:
    {predictor}
    model:
      modelFormat: {{name: obedient}}
      storageUri: file://{path}
      env: [{{name: GREETING, value: hello}}]
"""
PATIENCE = 60.0
numbers = itertools.count(1)


class Client:
    """Applies services whose models do as they are told, and asks them."""

    def __init__(self, supervisor: Supervisor, url: str, folder: Path) -> None:
        self.supervisor = supervisor
        self.url = url
        self.folder = folder
        self.http = httpx.AsyncClient(timeout=PATIENCE)

    def document(
        self, name: str, predictor: str = "", annotations: str = "", **behaviour: Any
    ) -> list[Document]:
        path = self.folder / str(next(numbers))
        path.mkdir()
        (path / "behaviour.json").write_text(json.dumps(behaviour))
        text = SERVICE.format(
            name=name, predictor=predictor, annotations=annotations, path=path
        )
        loaded = loads(text)
        loaded.raise_for_problems()
        return [each.document for each in loaded.documents]

    async def apply(self, name: str, *args: str, **behaviour: Any) -> list[Document]:
        documents = self.document(name, *args, **behaviour)
        await self.supervisor.apply(documents)
        return documents

    def status(self, name: str) -> ServiceStatus:
        return self.supervisor.status("default", name)[0]

    async def until(
        self, name: str, condition: Callable[[ServiceStatus], object]
    ) -> ServiceStatus:
        async with asyncio.timeout(PATIENCE):
            async for status in self.supervisor.changes():
                if status.name == name and condition(status):
                    return status
        raise AssertionError

    async def ready(self, name: str, *args: str, **behaviour: Any) -> None:
        await self.apply(name, *args, **behaviour)
        await self.until(name, lambda s: s.phase == "Ready")

    async def ask(self, name: str) -> httpx.Response:
        url = f"{self.url}/serving/default/{name}/v1/models/{name}:predict"
        return await self.http.post(url, json={"instances": [1]})

    async def spare(self) -> None:
        """Wait until Ray has a worker process in reserve."""
        async with asyncio.timeout(PATIENCE):
            while not any(p.name() == "ray::IDLE" for p in family()):  # noqa: ASYNC110 - a process has no event
                await asyncio.sleep(0.1)
        await asyncio.sleep(2)


def family() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.name()
            found.append(process)
    return found


def obedient_plugins() -> tuple[Any, Plugins]:
    settings = load_settings(overrides={"local.port": "0"})
    loaded = load_plugins("local", settings)
    runtime = Runtime(
        name="obedient",
        formats=(ModelFormat(name="obedient"),),
        protocols=("v1", "v2"),
        model=ImportRef("served:Obedient"),
    )
    provided = dict(loaded.provided)
    provided["inferry_runtimes"] = (
        Provided(descriptor=runtime, plugin="test", distribution="test", version="1.0"),
    )
    return settings, Plugins(
        records=loaded.records, problems=(), provided=tuple(provided.items())
    )


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def client(
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[Client]:
    settings, plugins = obedient_plugins()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(MODELS))
        supervisor = Supervisor(settings, plugins)
        try:
            url = await supervisor.start()
            client = Client(supervisor, url, tmp_path_factory.mktemp("models"))
            yield client
            await client.http.aclose()
        finally:
            before = family()
            await supervisor.stop()
    assert [p for p in before if p.is_running()] == []
    assert not supervisor._folder.exists()


async def test_a_service_answers_with_its_environment_and_own_thread_settings(
    client: Client,
) -> None:
    await client.ready("answers", answer=7)
    answer = (await client.ask("answers")).json()
    assert (
        answer["predictions"],
        answer["env"],
        answer["omp"],
    ) == ([7], "hello", None)


async def test_every_listening_socket_of_the_process_tree_is_on_loopback(
    client: Client,
) -> None:
    await client.ready("sockets", answer=1)
    listening = {
        (process.name(), connection.laddr.ip)
        for process in [psutil.Process(), *family()]
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert any(name.startswith("ray::ServeReplica") for name, _ in listening)
    assert {ip for _, ip in listening} <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}


async def test_no_secret_is_in_the_arguments_of_a_process(client: Client) -> None:
    token = (client.supervisor._folder / "token").read_text()
    assert token
    assert [p for p in family() if token in " ".join(p.cmdline())] == []


async def test_a_killed_replica_is_replaced_and_no_request_is_refused(
    client: Client,
) -> None:
    await client.ready("killed", answer=1)
    pid = (await client.ask("killed")).json()["pid"]
    await client.spare()
    started = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    await client.until("killed", lambda s: s.phase != "Ready")
    response = await client.ask("killed")
    assert response.status_code == 200
    assert response.json()["pid"] != pid
    # Quiet machines take one second; shared ones are given three times the promise.
    assert time.monotonic() - started < 9


async def test_a_model_that_fails_never_replaces_the_one_that_works(
    client: Client,
) -> None:
    await client.ready("kept", answer=1)
    await client.apply("kept", fail="the weights are upside down")
    status = await client.until("kept", lambda s: s.reason == "ModelLoadFailed")
    assert status.phase == "Ready"
    assert "the weights are upside down" in status.message
    assert status.remedy
    assert (await client.ask("kept")).json()["predictions"] == [1]


async def test_a_first_model_that_fails_is_told_at_once(client: Client) -> None:
    await client.apply("failed", fail="no such thing")
    status = await client.until("failed", lambda s: s.phase == "Failed")
    assert status.reason == "ModelLoadFailed"
    started = time.monotonic()
    response = await client.ask("failed")
    assert response.status_code == 503
    assert "no such thing" in response.json()["error"]
    assert time.monotonic() - started < 5


async def test_a_model_that_crashes_is_given_up_with_its_signal(
    client: Client,
) -> None:
    await client.apply("crashes", crash=True)
    status = await client.until("crashes", lambda s: s.phase == "Failed")
    assert status.reason == "ReplicaCrashed"
    assert "Segmentation fault" in status.message


async def test_a_rollout_under_load_loses_no_request(client: Client) -> None:
    await client.ready("rolled", answer=1, predict_seconds=0.05)
    stop = asyncio.Event()
    seen: Counter[tuple[int, int]] = Counter()

    async def load() -> None:
        while not stop.is_set():
            response = await client.ask("rolled")
            body = response.json()
            seen[response.status_code, body.get("predictions", [0])[0]] += 1

    callers = [asyncio.create_task(load()) for _ in range(8)]
    await client.apply("rolled", answer=2, predict_seconds=0.05)
    async with asyncio.timeout(PATIENCE):
        while seen[200, 2] < 20:  # noqa: ASYNC110 - simpler than an event
            await asyncio.sleep(0.05)
    await asyncio.sleep(1)
    stop.set()
    await asyncio.gather(*callers)
    assert {status for status, _ in seen} == {200}
    assert seen[200, 1] > 0


async def test_a_newer_document_supersedes_a_rollout_in_progress(
    client: Client,
) -> None:
    await client.ready("hurried", answer=1)
    await client.apply("hurried", answer=2, load_seconds=30)
    await client.until(
        "hurried", lambda s: any(r.phase == "Loading" for r in s.revisions)
    )
    await client.apply("hurried", answer=3)
    status = await client.until(
        "hurried", lambda s: s.observed_generation == s.generation == 3
    )
    assert (await client.ask("hurried")).json()["predictions"] == [3]
    assert [r.percent for r in status.revisions if r.percent] == [100]


async def test_the_number_of_replicas_changes_in_place(client: Client) -> None:
    documents = await client.apply("scaled", answer=1)
    await client.until("scaled", lambda s: s.phase == "Ready")
    first = client.status("scaled").endpoints
    text = with_replicas(documents, 2)
    await client.supervisor.apply(text)
    status = await client.until("scaled", lambda s: s.revisions[0].ready == 2)
    assert len(status.revisions) == 1
    assert set(first) < set(status.endpoints)
    applied = await client.supervisor.apply(text)
    assert [each.action for each in applied] == ["unchanged"]
    await client.supervisor.apply(documents)
    await client.until("scaled", lambda s: s.revisions[0].ready == 1)
    assert (await client.ask("scaled")).status_code == 200


def with_replicas(documents: list[Document], count: int) -> list[Any]:
    from inferry.api import to_dict

    spelt = to_dict(documents[0])
    spelt["spec"]["predictor"]["minReplicas"] = count
    return [each.document for each in loads(json.dumps(spelt)).documents]


async def test_a_canary_gets_its_share_and_goes_when_rolled_back(
    client: Client,
) -> None:
    await client.ready("canary", answer=1)
    newer = client.document("canary", "canaryTrafficPercent: 20", answer=2)
    await client.supervisor.apply(newer)
    await client.until(
        "canary", lambda s: sorted(r.percent for r in s.revisions) == [20, 80]
    )
    answers = Counter(
        [(await client.ask("canary")).json()["predictions"][0] for _ in range(50)]
    )
    assert answers == {1: 40, 2: 10}
    await client.apply("canary", "canaryTrafficPercent: 0", answer=3)
    await client.until("canary", lambda s: max(r.percent for r in s.revisions) == 100)
    assert (await client.ask("canary")).json()["predictions"] == [1]


async def test_a_stopped_service_has_no_replica_and_says_so(client: Client) -> None:
    await client.ready("halted", answer=1)
    await client.apply("halted", "", 'serving.kserve.io/stop: "true"', answer=1)
    status = await client.until(
        "halted", lambda s: s.phase == "Stopped" and not s.endpoints
    )
    assert status.reason == "Stopped"
    assert (await client.ask("halted")).status_code == 503


async def test_nothing_changes_when_one_of_several_cannot_be_planned(
    client: Client,
) -> None:
    good = client.document("fine", answer=1)
    text = SERVICE.format(name="odd", predictor="", annotations="", path="/nowhere")
    odd = loads(text.replace("name: obedient", "name: unheard-of")).documents
    with pytest.raises(PlanningError, match="unheard-of"):
        await client.supervisor.apply([*good, *(each.document for each in odd)])
    assert client.supervisor.status("default", "fine") == []


async def test_a_model_that_is_not_there_is_told_as_such(client: Client) -> None:
    text = SERVICE.format(name="absent", predictor="", annotations="", path="/nowhere")
    await client.supervisor.apply([each.document for each in loads(text).documents])
    status = await client.until("absent", lambda s: s.phase == "Failed")
    assert status.reason == "StorageNotFound"


async def test_logs_hold_what_replicas_print_with_their_name(client: Client) -> None:
    await client.ready("prints", answer=41)
    lines = [line async for line in client.supervisor.logs("default", "prints")]
    assert any("loading {'answer': 41}" in line for line in lines)
    assert all(line.startswith("[") for line in lines)


async def test_a_deleted_service_is_gone(client: Client) -> None:
    await client.ready("deleted", answer=1)
    pid = (await client.ask("deleted")).json()["pid"]
    applied = await client.supervisor.delete("default", "deleted")
    assert applied.action == "deleted"
    assert (await client.ask("deleted")).status_code == 404
    assert not psutil.pid_exists(pid)
    with pytest.raises(BackendError, match="default/deleted"):
        await client.supervisor.delete("default", "deleted")
