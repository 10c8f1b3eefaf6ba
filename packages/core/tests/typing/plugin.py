"""A third party's plugin module, as a type checker sees it; nothing runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_type

from inferry.plugins import (
    AutoscalingPolicy,
    ContainerTemplate,
    Host,
    ImportRef,
    ModelFormat,
    Option,
    Provided,
    Runtime,
    SettingsSpec,
    StorageBackend,
    hookimpl,
    load_plugins,
    resolve,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from inferry.config import Settings


@hookimpl
def inferry_runtimes(host: Host) -> Iterator[Runtime]:
    """Yield one runtime, with everything that a runtime may say."""
    settings = host.settings("acme")
    yield Runtime(
        name="acme",
        formats=(ModelFormat(name="acme", version="1", priority=2),),
        protocols=("v1", "v2"),
        container=ContainerTemplate(
            image="{registry}/acme:{version}",
            args=("--model_name={{.Name}}",),
            env={"LEVEL": "info"},
            limits={"memory": str(settings.get("memory", "2Gi"))},
            pod={"volumes": [{"name": "shm", "emptyDir": {}}]},
        ),
        model=ImportRef("acme.model:AcmeModel", extra="serve"),
        artifacts=("*.acme",),
        options=(Option(name="threads", type="int", default=0, help="Threads."),),
        aliases=("acme-server",),
    )


@hookimpl
def inferry_storage_backends() -> Iterable[StorageBackend]:
    """Return a list: hooks need not be generators, nor take the host."""
    return [
        StorageBackend(
            name="acme",
            schemes=("acme",),
            uri_patterns=(r"https://models\.acme\.example/",),
            client=ImportRef("acme.storage:AcmeStorage"),
        )
    ]


@hookimpl
def inferry_autoscaling_policies() -> Iterable[AutoscalingPolicy]:
    """Yield one policy."""
    yield AutoscalingPolicy(
        name="acme",
        policy=ImportRef("acme.policy:AcmePolicy"),
        metrics=frozenset({"tokens"}),
        scale_to_zero=True,
    )


@hookimpl
def inferry_settings() -> Iterable[SettingsSpec]:
    """Yield one setting."""
    yield SettingsSpec(section="plugins.acme", key="token", secret=True, help="Key.")


def runtimes_of(settings: Settings) -> list[str]:
    """Use the loader as a host does."""
    plugins = load_plugins("cli", settings, only=["acme"])
    for problem in plugins.problems:
        assert_type(problem.remedy, str)
    first = plugins.runtimes()[0]
    assert_type(first, Provided[Runtime])
    if first.descriptor.model is not None:
        resolve(
            first.descriptor.model,
            plugin=first.plugin,
            distribution=first.distribution,
        )
    return [each.descriptor.name for each in plugins.runtimes()]
