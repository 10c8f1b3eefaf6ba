"""`Catalog`: everything a service can be planned with, in one form and one order."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import msgspec

from inferry.api._storage_containers import ClusterStorageContainer
from inferry.api._types import (
    ClusterServingRuntime,
    ServingRuntime,
    ServingRuntimeSpec,
    SupportedModelFormat,
)
from inferry.planning._render import (
    PLUGIN_ANNOTATION,
    SERVER_TYPE_ANNOTATION,
    runtime_document,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inferry.api._types import Document
    from inferry.config import Settings
    from inferry.planning.plan import Scope
    from inferry.plugins import (
        AutoscalingPolicy,
        ImportRef,
        Option,
        Plugins,
        Provided,
        Runtime,
        StorageBackend,
    )

_SPEC_FIELDS = frozenset(ServingRuntimeSpec.__struct_encode_fields__) - {"pod"}
_SCOPES: tuple[Scope, ...] = ("namespace", "cluster", "plugin")


@dataclass(frozen=True, slots=True, kw_only=True)
class RuntimeEntry:
    """One runtime, wherever it comes from.

    ``model``, ``options``, ``aliases`` and ``artifacts`` come from the plugin that
    implements it, ``plugin`` and ``version`` name that plugin's distribution.
    ``server_type`` is KServe's annotation, or the name that KServe falls back to.
    ``is_foreign`` is whether that plugin's container is another server than Inferry's,
    which knows none of ``options``.
    """

    name: str
    scope: Scope
    formats: tuple[SupportedModelFormat, ...]
    namespace: str = ""
    protocols: tuple[str, ...] = ()
    disabled: bool = False
    multi_model: bool = False
    multi_node: bool = False
    pod: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    server_type: str = ""
    aliases: tuple[str, ...] = ()
    model: ImportRef | None = None
    options: tuple[Option, ...] = ()
    artifacts: tuple[str, ...] = ()
    plugin: str = ""
    version: str = ""
    is_foreign: bool = False

    @property
    def origin(self) -> str:
        """Where it comes from, in words."""
        if self.scope == "plugin":
            return f"plugin {self.plugin} {self.version}".rstrip()
        kind = (
            "ServingRuntime" if self.scope == "namespace" else "ClusterServingRuntime"
        )
        return f"{kind} {self.name}"

    def visible_from(self, namespace: str) -> bool:
        """Say whether a service of *namespace* may use it."""
        return self.scope != "namespace" or self.namespace == namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingress:
    """How services are addressed: the ``[ingress]`` settings."""

    domain: str = "example.com"
    domain_template: str = "{name}-{namespace}.{domain}"
    url_scheme: str = "http"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """Runtimes in order of precedence, storage and policies by name.

    ``broken`` says of each installed plugin that is of no use what is wrong with it.
    """

    runtimes: tuple[RuntimeEntry, ...] = ()
    storage: tuple[Provided[StorageBackend], ...] = ()
    containers: tuple[ClusterStorageContainer, ...] = ()
    policies: Mapping[str, Provided[AutoscalingPolicy]] = field(default_factory=dict)
    ingress: Ingress = field(default_factory=Ingress)
    broken: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def build(
        cls, plugins: Plugins, documents: Iterable[Document], settings: Settings
    ) -> Catalog:
        """Gather what *plugins* and *documents* provide; pure and deterministic.

        A later document of the same kind, namespace and name replaces an earlier one,
        as applying it would.
        """
        documents = tuple(documents)
        provided = sorted(plugins.runtimes(), key=lambda each: each.descriptor.name)
        entries = [_from_plugin(each, settings) for each in provided]
        entries += _from_documents(documents, provided)
        return cls(
            runtimes=tuple(sorted(entries, key=_order)),
            storage=tuple(
                sorted(
                    plugins.storage_backends(), key=lambda each: each.descriptor.name
                )
            ),
            containers=_containers(documents),
            policies=MappingProxyType(
                {each.descriptor.name: each for each in plugins.autoscaling_policies()}
            ),
            ingress=_ingress(settings),
            broken=MappingProxyType(
                {each.plugin: each.message for each in plugins.problems}
            ),
        )

    def visible(self, namespace: str) -> tuple[RuntimeEntry, ...]:
        """Return the runtimes that a service of *namespace* may use."""
        return tuple(each for each in self.runtimes if each.visible_from(namespace))


def _containers(documents: Iterable[Document]) -> tuple[ClusterStorageContainer, ...]:
    found = {
        each.metadata.name: each
        for each in documents
        if isinstance(each, ClusterStorageContainer)
    }
    return tuple(found[name] for name in sorted(found))


def _order(entry: RuntimeEntry) -> tuple[int, str, str]:
    return _SCOPES.index(entry.scope), entry.namespace, entry.name


def _ingress(settings: Settings) -> Ingress:
    return Ingress(
        domain=str(settings.value("ingress", "domain")),
        domain_template=str(settings.value("ingress", "domain_template")),
        url_scheme=str(settings.value("ingress", "url_scheme")),
    )


def _from_plugin(provided: Provided[Runtime], settings: Settings) -> RuntimeEntry:
    runtime = provided.descriptor
    spec = runtime_document(provided, settings)["spec"]
    fields = {key: value for key, value in spec.items() if key in _SPEC_FIELDS}
    pod = {key: value for key, value in spec.items() if key not in _SPEC_FIELDS}
    typed = msgspec.convert({**fields, "pod": pod}, ServingRuntimeSpec)
    return _entry(
        runtime.name,
        "plugin",
        typed,
        provided=provided,
        protocols=tuple(runtime.protocols),
        server_type=_foreign_server(runtime) or runtime.name,
    )


def _from_documents(
    documents: Iterable[Document], provided: list[Provided[Runtime]]
) -> list[RuntimeEntry]:
    entries: dict[tuple[str, str, str], RuntimeEntry] = {}
    for document in documents:
        if not isinstance(document, ServingRuntime | ClusterServingRuntime):
            continue
        cluster = isinstance(document, ClusterServingRuntime)
        namespace = "" if cluster else document.metadata.namespace
        name = document.metadata.name
        annotations = document.metadata.annotations
        entries[document.kind, namespace, name] = _entry(
            name,
            "cluster" if cluster else "namespace",
            document.spec,
            provided=_implementation(
                annotations.get(PLUGIN_ANNOTATION, name), provided
            ),
            namespace=namespace,
            protocols=tuple(document.spec.protocol_versions),
            server_type=annotations.get(
                SERVER_TYPE_ANNOTATION, name.removeprefix("kserve-")
            ),
        )
    return list(entries.values())


def _implementation(
    name: str, provided: list[Provided[Runtime]]
) -> Provided[Runtime] | None:
    """Return the plugin that implements the YAML runtime *name*, by name or alias."""
    for each in provided:
        if name == each.descriptor.name:
            return each
    for each in provided:
        if name in each.descriptor.aliases:
            return each
    return None


def _entry(
    name: str,
    scope: Scope,
    spec: ServingRuntimeSpec,
    *,
    provided: Provided[Runtime] | None,
    protocols: tuple[str, ...],
    server_type: str,
    namespace: str = "",
) -> RuntimeEntry:
    descriptor = provided.descriptor if provided else None
    return RuntimeEntry(
        name=name,
        scope=scope,
        namespace=namespace,
        formats=tuple(spec.supported_model_formats),
        protocols=protocols,
        disabled=spec.disabled,
        multi_model=spec.multi_model,
        multi_node=spec.worker_spec is not None,
        pod=spec.pod,
        labels=spec.labels,
        annotations=spec.annotations,
        server_type=server_type,
        # A name that YAML gave is the only one it has: aliases are the plugin's.
        aliases=descriptor.aliases if descriptor and scope == "plugin" else (),
        model=descriptor.model if descriptor else None,
        options=descriptor.options if descriptor else (),
        artifacts=descriptor.artifacts if descriptor else (),
        plugin=provided.distribution if provided else "",
        version=provided.version if provided else "",
        is_foreign=descriptor is not None and bool(_foreign_server(descriptor)),
    )


def _foreign_server(runtime: Runtime) -> str:
    return runtime.container.server_type if runtime.container else ""
