"""Settings that several of KServe's fields make together."""

from __future__ import annotations

from dataclasses import dataclass, field

from inferry_controller.configuration import _values as as_

_KSERVES = ("kserve/storage-initializer", "docker.io/kserve/storage-initializer")

_ROLLOUT = "deploymentRolloutStrategy."


@dataclass(slots=True)
class Found:
    """The value of one setting, with the names of the fields that it came from."""

    setting: str
    given: list[tuple[str, object]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)


def kind_of_ingress(values: dict[str, object]) -> Found:
    """Take which kind of route services get; the fields leave *values*."""
    found = Found("ingress")
    for name, kinds in (
        ("enableGatewayApi", {True: "gateway", False: "ingress"}),
        ("disableIngressCreation", {True: "none"}),
    ):
        if (value := values.pop(name, "")) in ("", None):
            continue
        try:
            kind = kinds.get(as_.switch(value))
        except ValueError as error:
            found.problems.append((name, str(error)))
        else:
            if kind:
                found.given.append((name, kind))
    return found


def storage_image(values: dict[str, object]) -> Found:
    """Take the image of the storage initializer, unless it is KServe's own."""
    found = Found("storage_image")
    value = values.pop("image", "")
    if not isinstance(value, str):
        found.problems.append(("image", "must be a text"))
    elif value.partition("@")[0].rpartition(":")[0] in _KSERVES or value in _KSERVES:
        why = f"{value} is KServe's own; models are fetched by Inferry's image here"
        found.notes.append(("image", f"no effect: {why}"))
    elif value:
        found.given.append(("image", value))
    return found


def rollout(values: dict[str, object]) -> Found:
    """Leave the rollout out where KServe does: it is that of the Standard mode."""
    found = Found("max_surge")
    mode = values.get("defaultDeploymentMode", "")
    if mode in ("", "Standard", "RawDeployment"):
        return found
    for name in [each for each in values if each.startswith(_ROLLOUT)]:
        del values[name]
        why = "a default of Standard mode, which is not the default mode"
        found.notes.append((name, f"no effect: {why}"))
    return found
