"""The class behind ``--backend kubernetes``."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from inferry.errors import BackendError
from inferry_controller.backend._contexts import namespace_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from pathlib import Path

    from inferry.backends import Applied, ServiceStatus
    from inferry_controller.kube.client import Client

_INSTALL = 'pip install "inferry[kubernetes]"'


class KubernetesBackend:
    """Talks to the API server that kubectl would, or that of *kubeconfig*."""

    def __init__(
        self, kubeconfig: str | None = None, context: str | None = None
    ) -> None:
        self._kubeconfig = kubeconfig
        self._context = context

    @property
    def namespace(self) -> str:
        """The namespace of the kubeconfig's context."""
        return namespace_of(self._kubeconfig, self._context)

    async def apply(
        self, paths: Sequence[Path], *, namespace: str = ""
    ) -> list[Applied]:
        """Validate all files, here and on the server, then make what they say true.

        Documents without a namespace get *namespace*, or that of the context.

        Raises:
            InvalidDocument: With every problem of every file.
            BackendError: The server cannot be reached, or refuses.

        """
        from inferry_controller.backend._applying import apply, read

        documents = read(paths, namespace or self.namespace)
        async with self._client() as client:
            return await apply(client, documents)

    async def get(self, namespace: str | None, name: str | None) -> list[ServiceStatus]:
        """Return the services, of all namespaces where *namespace* is None."""
        async with self._client() as client:
            from inferry_controller.backend._reading import services

            return await services(client, namespace, name)

    async def describe(self, namespace: str, name: str) -> ServiceStatus:
        """Return a service with its pods, what is wrong with them, and its events."""
        async with self._client() as client:
            from inferry_controller.backend._describing import describe

            return await describe(client, namespace, name)

    async def delete(
        self,
        namespace: str,
        name: str,
        *,
        tell: Callable[[str], None] | None = None,
    ) -> Applied:
        """Remove one service; returns when none of its pods runs any more."""
        async with self._client() as client:
            from inferry_controller.backend._deleting import delete

            return await delete(client, namespace, name, tell or _silence)

    async def delete_model(self, namespace: str, name: str) -> Applied:
        """Remove one TrainedModel."""
        async with self._client() as client:
            from inferry_controller.backend._deleting import delete_model

            return await delete_model(client, namespace, name)

    async def logs(
        self, namespace: str, name: str, *, follow: bool, tail: int | None
    ) -> AsyncIterator[str]:
        """Yield the lines of all containers of the service's pods."""
        async with self._client() as client:
            from inferry_controller.backend._logs import lines

            async for line in lines(client, namespace, name, follow=follow, tail=tail):
                yield line

    async def watch(self, namespace: str | None) -> AsyncIterator[ServiceStatus]:
        """Yield every service, and then each that changes."""
        async with self._client() as client:
            from inferry_controller.backend._reading import changes

            async for status in changes(client, namespace):
                yield status

    @staticmethod
    def reaching(status: ServiceStatus) -> str:
        """Say what to do where the url of a service cannot be reached from here."""
        predictor = f"svc/{status.name}-predictor"
        forward = f"kubectl port-forward -n {status.namespace} {predictor} 8080:80"
        return (
            "its host name must lead to the Gateway; or run\n"
            f"`{forward}` and add --url http://127.0.0.1:8080"
        )

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[Client]:
        """Open a client; what it raises says what to do about a whole cluster."""
        try:
            from inferry_controller.backend._errors import explained
            from inferry_controller.kube.client import Client
        except ImportError as error:
            missing = error.name or "a package"
            msg = f"the backend kubernetes needs {missing}, which is not installed"
            raise BackendError(msg, remedy=_INSTALL) from None
        with explained():
            async with Client.connect(self._kubeconfig, self._context) as client:
                yield client


def _silence(_text: str) -> None:
    """Tell nobody."""
