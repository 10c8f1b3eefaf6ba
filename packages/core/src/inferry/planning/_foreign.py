"""Runtimes that are another server than Inferry's, in a container of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry.errors import PlanningError
from inferry.planning._options import plain_name
from inferry.status import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inferry.planning._catalog import RuntimeEntry


def check_foreign(entry: RuntimeEntry, args: Iterable[str], where: str) -> None:
    """Refuse among *args* of a service the options of the runtime's model class.

    What the container of *entry* itself takes is not known here, and left as it is.
    A name with hyphens is of that server: ``--log-verbose`` is tritonserver's flag on a
    cluster and the option ``logVerbose`` on a laptop.

    Raises:
        PlanningError: One is given.

    """
    if not entry.is_foreign:
        return
    options = {plain_name(option.name): option.name for option in entry.options}
    for text in args:
        word = text.partition("=")[0].lstrip("-")
        name = None if "-" in word else options.get(plain_name(word))
        if name is not None and text.startswith("-"):
            raise PlanningError(
                f"{where}.model.args: --{name} is for the local backend; on a cluster "
                f"the runtime {entry.name!r} is another server",
                reason=Reason.NotSupportedByBackend,
                remedy=f"remove --{name}, or write the flag of that server",
            )


def check_local(entry: RuntimeEntry) -> None:
    """Refuse a runtime that no plugin implements, where there are no containers.

    Raises:
        PlanningError: It is one.

    """
    if entry.model is not None:
        return
    raise PlanningError(
        f"the runtime {entry.name!r} ({entry.origin}) runs only in a container",
        reason=Reason.NotSupportedByBackend,
        remedy=(
            "apply the service to a cluster, or install a runtime plugin for the format"
        ),
    )
