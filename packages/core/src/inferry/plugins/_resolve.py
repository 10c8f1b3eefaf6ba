"""Depth 2: import what an `ImportRef` names, where it is first used."""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from inferry._suggest import did_you_mean
from inferry.errors import ImplementationMissing, PluginLoadError, one_line
from inferry.plugins._discovery import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry.plugins._descriptors import ImportRef


def resolve(ref: ImportRef, *, plugin: str, distribution: str) -> Any:  # noqa: ANN401 - a reference may name anything
    """Import what *ref* names and return it.

    Raises:
        ImplementationMissing: It is not installed; the remedy is the pip command.
        PluginLoadError: It is installed and broken; the cause is chained.

    """
    module_name, _, path = ref.target.partition(":")
    try:
        found: Any = import_module(module_name)
    except KeyboardInterrupt:
        raise
    except ModuleNotFoundError as exc:
        if _not_installed(exc.name or "", module_name, ref, distribution):
            raise _missing(exc, module_name, ref, plugin, distribution) from exc
        raise _broken(exc, module_name, plugin, distribution) from exc
    except BaseException as exc:
        raise _broken(exc, module_name, plugin, distribution) from exc
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as exc:
            raise PluginLoadError(
                f"{plugin}: {ref.target} does not exist: {module_name} has no "
                f"{name!r}{did_you_mean(name, dir(found))}",
                plugin=plugin,
                distribution=distribution,
                remedy=f"upgrade {distribution}",
            ) from exc
    return found


def _not_installed(
    absent: str, module_name: str, ref: ImportRef, distribution: str
) -> bool:
    """Tell a part that was never installed from a defect of what is."""
    if module_name == absent or module_name.startswith(f"{absent}."):
        return True
    if absent.partition(".")[0] == module_name.partition(".")[0]:
        return False
    return ref.extra is not None and lacks_extra(distribution, ref.extra)


def lacks_extra(distribution: str, extra: str) -> bool:
    """Return whether something that the *extra* asks for is not installed."""
    try:
        requirements = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        return True
    return any(not _is_installed(name) for name in _of_extra(requirements, extra))


def _of_extra(requirements: list[str], extra: str) -> Iterator[str]:
    from packaging.requirements import Requirement

    for line in requirements:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and marker.evaluate({"extra": normalised(extra)}):
            yield requirement.name


def _is_installed(distribution: str) -> bool:
    try:
        metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return False
    return True


def _missing(
    exc: ModuleNotFoundError,
    module_name: str,
    ref: ImportRef,
    plugin: str,
    distribution: str,
) -> ImplementationMissing:
    what = f"{distribution}[{ref.extra}]" if ref.extra else distribution
    return ImplementationMissing(
        f"{plugin}: {module_name} needs {exc.name!r}, which is not installed",
        plugin=plugin,
        distribution=distribution,
        remedy=f"pip install '{what}'",
    )


def _broken(
    exc: BaseException, module_name: str, plugin: str, distribution: str
) -> PluginLoadError:
    return PluginLoadError(
        f"{plugin}: {module_name} cannot be imported: {one_line(exc)}",
        plugin=plugin,
        distribution=distribution,
        remedy=f"reinstall {distribution} and what it needs",
    )
