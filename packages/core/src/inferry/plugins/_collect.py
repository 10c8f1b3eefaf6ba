"""Depth 1: import one plugin, register it, ask its hooks; each failure stays alone."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import pluggy

from inferry._suggest import did_you_mean
from inferry.config import SettingsSpec
from inferry.errors import PluginError, PluginHookError, PluginLoadError, one_line
from inferry.plugins import _hookspecs
from inferry.plugins._descriptors import (
    AutoscalingPolicy,
    Runtime,
    StorageBackend,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from inferry.plugins._discovery import Installed
    from inferry.plugins._host import Host

T = TypeVar("T")
Descriptor = AutoscalingPolicy | Runtime | SettingsSpec | StorageBackend
#: What each hook yields.
HOOKS: Mapping[str, type[Descriptor]] = {
    "inferry_runtimes": Runtime,
    "inferry_storage_backends": StorageBackend,
    "inferry_autoscaling_policies": AutoscalingPolicy,
    "inferry_settings": SettingsSpec,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided(Generic[T]):
    """A descriptor and where it comes from."""

    descriptor: T
    plugin: str
    distribution: str
    version: str


def new_manager() -> pluggy.PluginManager:
    """Return a manager that knows the hooks and no plugin."""
    manager = pluggy.PluginManager(_hookspecs.PROJECT)
    manager.add_hookspecs(_hookspecs)
    return manager


def register(manager: pluggy.PluginManager, plugin: Installed) -> object:
    """Import *plugin* and register its hooks, all of them or none.

    Raises:
        PluginLoadError: Its import fails, or one of its hooks is not as it must be.

    """
    module = _imported(plugin)
    try:
        manager.register(module, name=plugin.name)
    except (pluggy.PluginValidationError, ValueError) as exc:
        message = str(exc).splitlines()[-1] if str(exc) else type(exc).__name__
        raise _failure(plugin, f"has a hook that does not fit: {message}") from exc
    fault = _fault(manager, module)
    if fault:
        manager.unregister(module)
        raise _failure(plugin, fault)
    return module


def ask(
    manager: pluggy.PluginManager, plugin: Installed, hook: str, host: Host
) -> tuple[Provided[Any], ...]:
    """Call *hook* of *plugin* alone and return what it yields.

    Raises:
        PluginHookError: It raised, or gave something else than descriptors.

    """
    module = manager.get_plugin(plugin.name)
    implementations = [
        implementation
        for implementation in getattr(manager.hook, hook).get_hookimpls()
        if implementation.plugin is module
    ]
    return tuple(
        Provided(
            descriptor=descriptor,
            plugin=plugin.name,
            distribution=plugin.distribution,
            version=plugin.version,
        )
        for implementation in implementations
        for descriptor in _yielded(implementation, plugin, hook, host)
    )


def _imported(plugin: Installed) -> object:
    point = EntryPoint(plugin.name, plugin.value, _hookspecs.GROUP)
    try:
        return point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        raise _failure(
            plugin, f"cannot be imported from {plugin.value}: {one_line(exc)}"
        ) from exc


def _failure(plugin: Installed, fault: str) -> PluginLoadError:
    return PluginLoadError(
        f"plugin {plugin.name!r} ({plugin.distribution} {plugin.version}) {fault}",
        plugin=plugin.name,
        distribution=plugin.distribution,
        remedy=f"upgrade or remove {plugin.distribution}, or add it to the setting "
        "plugins.deny",
    )


def _fault(manager: pluggy.PluginManager, module: object) -> str:
    """Return what is wrong with the hooks of a registered plugin, or ''."""
    for caller in manager.get_hookcallers(module) or ():
        for implementation in caller.get_hookimpls():
            if implementation.plugin is not module:
                continue
            if not caller.has_spec():
                if implementation.optionalhook:
                    continue
                hint = did_you_mean(caller.name, HOOKS)
                return f"implements an unknown hook {caller.name!r}{hint}"
            function = implementation.function
            if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(
                function
            ):
                return f"has an async hook {caller.name!r}; hooks are plain functions"
            if implementation.wrapper or implementation.hookwrapper:
                return f"wraps the hook {caller.name!r}; hooks here only yield"
    return _unmarked(manager, module)


def _unmarked(manager: pluggy.PluginManager, module: object) -> str:
    for name in HOOKS:
        function = inspect.getattr_static(module, name, None)
        if (
            inspect.isfunction(function)
            and manager.parse_hookimpl_opts(module, name) is None
        ):
            return f"defines {name!r} without the decorator @hookimpl"
    return ""


def _yielded(
    implementation: pluggy.HookImpl, plugin: Installed, hook: str, host: Host
) -> list[Descriptor]:
    asks = "host" in implementation.argnames or "host" in implementation.kwargnames
    try:
        # pluggy types a hook's result as object; what is in it is checked below.
        call = cast("Callable[..., Iterable[Descriptor]]", implementation.function)
        descriptors = list(call(host) if asks else call())
    except KeyboardInterrupt:
        raise
    except BaseException as exc:
        raise _hook_failure(plugin, hook, f"raised {one_line(exc)}") from exc
    wanted = HOOKS[hook]
    for descriptor in descriptors:
        if not isinstance(descriptor, wanted):
            fault = f"yielded {descriptor!r:.80}, which is no {wanted.__name__}"
            raise _hook_failure(plugin, hook, fault)
    return descriptors


def _hook_failure(plugin: Installed, hook: str, fault: str) -> PluginError:
    return PluginHookError(
        f"plugin {plugin.name!r} ({plugin.distribution} {plugin.version}): "
        f"{hook} {fault}",
        plugin=plugin.name,
        distribution=plugin.distribution,
        remedy=f"upgrade or remove {plugin.distribution}, or add it to the setting "
        "plugins.deny",
    )
