"""How the controller is known to a real API server, and stays so."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from inferry_controller.kube import errors
from inferry_controller.kube.access import Access, InCluster
from inferry_controller.kube.client import Client
from inferry_controller.kube.kinds import (
    CONFIG_MAP,
    NODE,
    POD,
)
from inferry_controller.kube.transport import Transport
from kube_users import account, token_of, with_user

from inferry.errors import BackendError

if TYPE_CHECKING:
    from bed.cluster import Cluster


async def test_a_token_file_that_changes_is_read_again(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    kubeconfig = account(cluster, namespace)
    file = tmp_path / "token"
    file.write_text(token_of(kubeconfig) + "\n")
    access = Access.find(with_user(kubeconfig, {"tokenFile": str(file)}))
    async with Client(Transport(access)) as client:
        await client.list(CONFIG_MAP, namespace)
        access.authorization = "Bearer expired"
        await client.list(CONFIG_MAP, namespace)  # a 401 has it read at once
        file.write_text("rotated")
        access._due = 0.0  # the minute is over
        with pytest.raises(errors.Unauthorized) as refused:
            await client.list(CONFIG_MAP, namespace)
        assert "rotated" not in str(refused.value)
        file.write_text(token_of(kubeconfig))
        await client.list(CONFIG_MAP, namespace)


async def test_the_token_of_a_pod_that_expired_is_replaced(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    kubeconfig = account(cluster, namespace)
    (tmp_path / "token").write_text("expired")
    (tmp_path / "ca.crt").write_bytes(cluster.authority.read_bytes())
    environ = {"KUBERNETES_SERVICE_HOST": "127.0.0.1"}
    environ["KUBERNETES_SERVICE_PORT"] = str(cluster.port)
    access = Access(InCluster(str(tmp_path), environ))
    async with Client(Transport(access)) as client:
        (tmp_path / "token").write_text(token_of(kubeconfig))
        assert await client.list(POD, namespace) == []
        with pytest.raises(errors.Forbidden, match="cannot list nodes"):
            await client.list(NODE)


async def test_an_exec_plugin_gives_the_token_and_runs_again_when_refused(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    kubeconfig = account(cluster, namespace)
    runs, token = tmp_path / "runs", tmp_path / "token"
    token.write_text("not yet")
    plugin = tmp_path / "plugin"
    plugin.write_text(
        "#!/bin/sh\n"
        f"echo run >> {runs}\n"
        'printf \'{"apiVersion":"client.authentication.k8s.io/v1",'
        '"kind":"ExecCredential","status":{"token":"%s"}}\' '
        f'"$(cat {token})"\n'
    )
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    user = {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(plugin),
            "interactiveMode": "Never",
        }
    }
    async with Client.connect(with_user(kubeconfig, user)) as client:
        token.write_text(token_of(kubeconfig))
        await client.list(CONFIG_MAP, namespace)
        await client.list(CONFIG_MAP, namespace)
    assert runs.read_text().split() == ["run", "run"]


async def test_a_watch_that_is_refused_renews_the_token_too(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    kubeconfig = account(cluster, namespace)
    file = tmp_path / "token"
    file.write_text(token_of(kubeconfig))
    access = Access.find(with_user(kubeconfig, {"tokenFile": str(file)}))
    async with Client(Transport(access)) as client:
        access.authorization = "Bearer expired"
        with pytest.raises(errors.Unauthorized):
            async for _ in client.watch(CONFIG_MAP, namespace, seconds=1):
                pass
        async for _ in client.watch(CONFIG_MAP, namespace, seconds=1):
            pass


async def test_a_server_of_another_authority_is_not_trusted(
    cluster: Cluster, tmp_path: Path
) -> None:
    document = json.loads(cluster.kubeconfig.read_text())
    document["clusters"][0]["cluster"]["certificate-authority"] = str(
        cluster.client_authority
    )
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(document))
    async with Client.connect(str(path)) as client:
        with pytest.raises(errors.Unavailable, match="certificate verify failed"):
            await client.get(NODE, "", "a")


def inlined(user: dict[str, str]) -> dict[str, str]:
    return {
        f"{name}-data": base64.b64encode(Path(path).read_bytes()).decode()
        for name, path in user.items()
    }


async def test_certificates_may_stand_in_the_kubeconfig_itself(
    cluster: Cluster, namespace: str
) -> None:
    user = json.loads(cluster.kubeconfig.read_text())["users"][0]["user"]
    data = inlined(user)
    async with Client.connect(with_user(cluster.kubeconfig, data)) as client:
        await client.list(CONFIG_MAP, namespace)


async def test_a_kubeconfig_that_is_missing_or_broken_says_so(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="there is no kubeconfig at"):
        await Client.connect(str(tmp_path / "nothing")).__aenter__()
    broken = tmp_path / "broken"
    broken.write_text("apiVersion: v1\nkind: Config\nusers: []\n")
    with pytest.raises(BackendError, match="is of no use"):
        await Client.connect(str(broken)).__aenter__()
