"""`World`: all that decides about services besides themselves, and when it changes.

Settings, plugins, ServingRuntimes, storage containers, ServiceAccounts and the optional
kinds that the cluster serves. `World.digest` says of a service which part of all that
matters to it, so that a changed runtime concerns just those that could use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inferry.planning import Catalog
from inferry.plugins import load_plugins
from inferry_controller.options import render_options, this_release
from inferry_controller.reconciling.stored import digest, digest_of
from inferry_controller.rendering.documents import surroundings_of
from inferry_controller.rendering.surroundings import (
    AccountFacts,
    SecretFacts,
    Surroundings,
)
from inferry_controller.settings import SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from inferry.api import Document
    from inferry.config import Settings
    from inferry.plugins import Plugins
    from inferry_controller.options import RenderOptions
    from inferry_controller.reconciling.stored import StoredService

#: Sections that decide about the process, not about what it renders.
_OWN_SECTIONS = frozenset({"controller", "log", "logging"})


class World:
    """What services are planned and rendered with.

    ``on_change`` is told the namespace that a change concerns; empty: all of them.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        on_change: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.on_change = on_change
        self._runtimes: dict[tuple[str, str], tuple[Document, bytes]] = {}
        self._containers: dict[str, Document] = {}
        self._accounts: dict[tuple[str, str], AccountFacts] = {}
        self._secrets: dict[tuple[str, str], SecretFacts] = {}
        self._kinds: frozenset[str] | None = None
        self._spaces: frozenset[str] | None = None
        self._install(settings)

    @property
    def settings(self) -> Settings:
        """The settings that are in force."""
        return self._settings

    @property
    def options(self) -> RenderOptions:
        """What the settings say about rendering."""
        return self._options

    def options_of(self, release: str) -> RenderOptions:
        """Return the options with the images that a *release* of ours has."""
        if release in {"", this_release()}:
            return self._options
        found = self._older.get(release)
        if found is None:
            found = self._older[release] = render_options(self._settings, release)
        return found

    @property
    def plugins(self) -> Plugins:
        """The plugins that the settings allow."""
        return self._plugins

    def configure(self, settings: Settings) -> None:
        """Put other settings in force.

        Raises:
            SettingsError: They cannot be; those before stay in force.

        """
        self._install(settings)
        self._changed()

    def put_runtime(self, key: tuple[str, str], document: Document | None) -> None:
        """Take a ServingRuntime (namespace, name) or cluster one (empty namespace)."""
        before = self._runtimes.get(key)
        if document is None:
            self._runtimes.pop(key, None)
        else:
            self._runtimes[key] = (document, digest_of(document))
        if self._runtimes.get(key, (None, b""))[1] != (before or (None, b""))[1]:
            self._spaces = None
            self._changed(key[0])

    def put_container(self, name: str, container: Document | None) -> None:
        """Take or forget a ClusterStorageContainer."""
        self._put(self._containers, name, container)

    def put_account(self, key: tuple[str, str], account: AccountFacts | None) -> None:
        """Take or forget a ServiceAccount (namespace, name)."""
        self._put(self._accounts, key, account, key[0])

    def put_secret(self, key: tuple[str, str], secret: SecretFacts | None) -> None:
        """Take or forget what may be known of a Secret (namespace, name)."""
        self._put(self._secrets, key, secret, key[0])

    def put_kinds(self, kinds: frozenset[str]) -> None:
        """Take the optional kinds that the cluster serves now."""
        if kinds != self._kinds:
            self._kinds = kinds
            self._changed()

    def digest(self, service: StoredService) -> bytes:
        """Return a digest of all that matters to *service* besides itself.

        Nothing that comes with a release of ours is in it: an upgrade of the controller
        is no reason to render anything anew.
        """
        known = self._digests.setdefault(service.namespace, {})
        found = known.get(service.needs)
        if found is None:
            found = self._digest(service.namespace, service.needs)
            known[service.needs] = found
        return found

    def catalog(self, namespace: str) -> Catalog:
        """Return what a service of *namespace* can be planned with."""
        where = namespace if namespace in self._namespaces() else ""
        found = self._catalogs.get(where)
        if found is None:
            documents = [
                document
                for (space, _), (document, _) in sorted(self._runtimes.items())
                if space in {"", where}
            ]
            documents += self._all_containers()
            found = Catalog.build(self._plugins, documents, self._settings)
            self._catalogs[where] = found
        return found

    def around(self, namespace: str) -> Surroundings:
        """Return what rendering may know of *namespace*."""
        found = self._surroundings.get(namespace)
        if found is None:
            found = Surroundings(
                secrets={
                    name: secret
                    for (space, name), secret in self._secrets.items()
                    if space == namespace
                },
                accounts={
                    name: account
                    for (space, name), account in self._accounts.items()
                    if space == namespace
                },
                storage_containers=surroundings_of(
                    self._all_containers(), namespace
                ).storage_containers,
                kinds=self._kinds,
            )
            self._surroundings[namespace] = found
        return found

    def _all_containers(self) -> list[Document]:
        return [self._containers[name] for name in sorted(self._containers)]

    def _put(
        self,
        known: dict[Any, Any],
        key: object,
        value: object,
        namespace: str = "",
    ) -> None:
        if known.get(key) == value:
            return
        if value is None:
            del known[key]
        else:
            known[key] = value
        self._changed(namespace)

    def _install(self, settings: Settings) -> None:
        """Take *settings* in force; nothing of it happens where they are wrong."""
        settings.declare(SETTINGS)
        plugins = load_plugins("controller", settings)
        options = render_options(settings)
        self._settings, self._plugins, self._options = settings, plugins, options
        self._forget()

    def _changed(self, namespace: str = "") -> None:
        """Forget what was made of before; what one tenant changes costs no other."""
        if namespace:
            self._digests.pop(namespace, None)
            self._catalogs.pop(namespace, None)
            self._surroundings.pop(namespace, None)
        else:
            self._forget()
        self.on_change(namespace)

    def _forget(self) -> None:
        self._digests: dict[str, dict[tuple[str, ...], bytes]] = {}
        self._catalogs: dict[str, Catalog] = {}
        self._surroundings: dict[str, Surroundings] = {}
        self._older: dict[str, RenderOptions] = {}
        self._of_all: bytes = b""
        self._spaces = None

    def _namespaces(self) -> frozenset[str]:
        """Return the namespaces that have runtimes of their own."""
        if self._spaces is None:
            self._spaces = frozenset(space for space, _ in self._runtimes if space)
        return self._spaces

    def _digest(self, namespace: str, needs: tuple[str, ...]) -> bytes:
        parts = [self._common()]
        wanted = set(needs)
        for (space, name), (document, of_it) in sorted(self._runtimes.items()):
            if space in {"", namespace} and _could_serve(name, document, wanted):
                parts += [space.encode(), name.encode(), of_it]
        parts += [
            digest_of(secret)
            for (space, _), secret in sorted(self._secrets.items())
            if space == namespace
        ]
        for need in needs:
            kind, _, name = need.partition(":")
            account = self._accounts.get((namespace, name))
            if kind == "account" and account is not None:
                parts.append(digest_of(account))
        return digest(*parts)

    def _common(self) -> bytes:
        """Return the digest of what matters to every service."""
        if not self._of_all:
            values = {
                f"{each.spec.section}.{each.spec.key}": each.value
                for each in self._settings.all()
                if each.spec.section not in _OWN_SECTIONS
            }
            plugins = [
                (each.descriptor.name, each.descriptor.formats, each.plugin)
                for each in self._plugins.runtimes()
            ]
            self._of_all = digest_of(
                (values, plugins, self._all_containers(), sorted(self._kinds or ()))
            )
        return self._of_all


def _could_serve(name: str, document: Any, wanted: set[str]) -> bool:  # noqa: ANN401 - either kind of runtime
    if f"runtime:{name}" in wanted:
        return True
    formats = document.spec.supported_model_formats
    return any(f"format:{each.name}" in wanted for each in formats)
