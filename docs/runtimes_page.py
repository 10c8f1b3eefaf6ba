"""The page of all runtimes, from the descriptors of the installed plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from inferry.plugins import Runtime

    Table = Callable[[tuple[str, ...], Iterator[tuple[str, ...]]], str]

_HEAD = """\
# Runtimes

Each is a package of its own: `pip install "inferry[NAME]"` brings it with its framework, `pip install inferry-runtime-NAME` its descriptor alone, which is all that a cluster's controller needs.
`inferry plugins render NAME` prints it as a ClusterServingRuntime.
"""
_WHAT = """\
## What each loads and does

Versions are those of the model format, as `modelFormat.version` names them.
A service may also name a runtime by KServe's name of it (`runtime: kserve-...`).
"""


def write_runtimes(table: Table) -> str:
    """Return the page."""
    from inferry.config import load_settings
    from inferry.plugins import load_plugins

    plugins = load_plugins("cli", load_settings(environ={}))
    found = sorted(
        (
            each.descriptor
            for each in plugins.runtimes()
            if each.distribution.startswith("inferry-runtime-")
        ),
        key=lambda runtime: runtime.name,
    )
    rows = (
        (
            f"[{runtime.name}](#{runtime.name})",
            _versions(runtime),
            ", ".join(runtime.protocols),
            ", ".join(f"`{each}`" for each in runtime.artifacts),
            runtime.batching,
            ", ".join(runtime.devices),
            runtime.safety,
        )
        for runtime in found
    )
    head = ("format", "versions", "protocols", "looks for", "batching", "runs on")
    parts = [_HEAD, _WHAT, table((*head, "safety"), rows), "\n## Options\n"]
    for runtime in found:
        parts += [f"### {runtime.name}\n", _options(runtime, table)]
    return "\n".join(parts).rstrip() + "\n"


def _versions(runtime: Runtime) -> str:
    names = {each.name for each in runtime.formats}
    return ", ".join(
        dict.fromkeys(
            (each.version or "any")
            if len(names) == 1
            else f"{each.name} {each.version or ''}".strip()
            for each in runtime.formats
        )
    )


def _options(runtime: Runtime, table: Table) -> str:
    aliases = ", ".join(f"`{each}`" for each in runtime.aliases)
    known = f"KServe's name: {aliases}.\n\n" if aliases else ""
    if not runtime.options:
        return f"{known}It has no options.\n"
    rows = (
        (
            f"`--{option.name}`",
            option.type,
            "" if option.default in (None, "") else f"`{option.default}`",
            option.help,
        )
        for option in runtime.options
    )
    return known + table(("option", "type", "default", "meaning"), rows) + "\n"
