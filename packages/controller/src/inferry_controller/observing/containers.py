"""Why one container does not run, from what Kubernetes says of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from inferry.status import SERVER_EXITS, STORAGE_EXITS, Reason, read_termination
from inferry_controller.observing.mounts import key_remedy, missing
from inferry_controller.observing.trouble import Trouble

if TYPE_CHECKING:
    from inferry_controller.observing.facts import ContainerFact

#: The container that fetches the model; its exit codes are those of `inferry.storage`.
FETCHER = "storage-initializer"

_PULL = frozenset(
    {
        "ErrImagePull",
        "ImagePullBackOff",
        "ErrImageNeverPull",
        "InvalidImageName",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)
_CONFIG = "CreateContainerConfigError"
_REFUSED = frozenset(
    {
        "CreateContainerError",
        "RunContainerError",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
    }
)
#: What the runtime reports of a process that never began.
_NEVER_BEGAN = frozenset({"ContainerCannotRun", "StartError"})
_KEY = re.compile(r"couldn't find key (\S+) in (Secret|ConfigMap) (\S+)")
#: Which pod it is, with its uid, is no news to whom the pod belongs to.
_POD = re.compile(r" \(pod: \"[^\"]*\", container: [^)]*\)")
_DENIED = re.compile(
    r"unauthori[sz]ed|denied|forbidden|authentication required|no basic auth"
    r"|\b40[13]\b",
    re.IGNORECASE,
)
_ABSENT = re.compile(r"not found|manifest unknown|\b404\b", re.IGNORECASE)
_CAUSE = re.compile(r".*(?:ErrImagePull|Back-off pulling image \S+): ", re.DOTALL)
#: Fetching goes on after these; neither is a failure of its own.
_STOPPED = frozenset({130, 143})
_KILLED = 137
_TRACE = "Traceback (most recent call last)"
#: One crash may be an accident; the second in a row is not.
_OFTEN = 2
_LOOPING = "CrashLoopBackOff"


def of_container(container: ContainerFact) -> Trouble | None:
    """Return why *container* is not what it should be; None if it is, or will be."""
    if container.state == "waiting":
        return _waiting(container)
    if container.state == "terminated":
        code = container.exit_code
        return _ended(container, container.reason, container.message, code)
    # It runs again: what ended it the last time holds until it is ready.
    if container.restarts and not container.ready:
        return _last(container)
    return None


def _waiting(container: ContainerFact) -> Trouble | None:
    reason, message = container.reason, container.message
    if reason in _PULL:
        return _pull(container)
    if reason == _CONFIG:
        return _config(container)
    if reason in _REFUSED:
        return _refused(container, message)
    return _last(container) if container.restarts else None


def _last(container: ContainerFact) -> Trouble | None:
    code = container.last_exit_code
    if not container.last_reason and not code:
        return None
    return _ended(container, container.last_reason, container.last_message, code)


def _ended(
    container: ContainerFact, reason: str, message: str, code: int
) -> Trouble | None:
    if reason == "OOMKilled":
        return _made(container, Reason.OutOfMemory, _memory(container), code=code)
    if reason in _NEVER_BEGAN:
        return _refused(container, message, code)
    if container.init and (code == 0 or code in _STOPPED):
        return None
    said = read_termination(message)
    if said.reason:
        return _made(container, said.reason, said.message, said.remedy, code)
    if not container.init and code in SERVER_EXITS and said.message:
        return _made(container, SERVER_EXITS[code], said.message, code=code)
    text = _last_words(container, code, _without_trace(message, said.message))
    return _made(container, _why(container, code), text, code=code)


def _why(container: ContainerFact, code: int) -> Reason:
    if container.name == FETCHER:
        return STORAGE_EXITS.get(code, Reason.StorageFailed)
    if container.init:
        return Reason.InitContainerFailed
    return _crash(container)


def _crash(container: ContainerFact) -> Reason:
    often = container.restarts >= _OFTEN or container.reason == _LOOPING
    return Reason.ReplicaCrashed if often else Reason.ReplicaRestarting


def _last_words(container: ContainerFact, code: int, message: str) -> str:
    how = "was killed" if code == _KILLED else f"ended with exit code {code}"
    # With FallbackToLogsOnError the message is the end of the log.
    return f"container {container.name} {how}" + (f": {message}" if message else "")


def _without_trace(message: str, folded: str) -> str:
    """Return what a process said last: of a trace of Python its last line."""
    if _TRACE not in message:
        return folded
    return message.strip().rpartition("\n")[2].strip()


def _memory(container: ContainerFact) -> str:
    limit = f" of {container.memory}" if container.memory else ""
    return f"container {container.name} was killed: it needs more than its limit{limit}"


def _pull(container: ContainerFact) -> Trouble:
    text = " ".join(_CAUSE.sub("", container.message).split())
    image = f"the image {container.image}"
    if container.reason == "ErrImageNeverPull":
        why = f"{image} is not on the node, and imagePullPolicy is Never"
    elif container.reason == "InvalidImageName":
        why = f"{image} is no name of an image"
    elif _DENIED.search(text):
        why = f"the registry refuses to give {image}: {text}"
    elif _ABSENT.search(text):
        why = f"{image} is not in its registry"
    else:
        why = f"{image} cannot be pulled" + (f": {text}" if text else "")
    return _made(container, Reason.ImagePullFailed, why)


def _config(container: ContainerFact) -> Trouble:
    absent = missing(container.message)
    if absent is not None:
        return _made(container, absent.reason, absent.message)
    key = _KEY.search(container.message)
    if key:
        name = key[3].rpartition("/")[2]
        reason = {"Secret": Reason.SecretNotFound}.get(key[2], Reason.ConfigMapNotFound)
        text = f"the {key[2]} {name!r} has no key {key[1]!r}"
        return _made(container, reason, text, key_remedy(key[2]))
    return _refused(container, _POD.sub("", container.message))


def _refused(container: ContainerFact, message: str, code: int = 0) -> Trouble:
    text = f"container {container.name} cannot start: {' '.join(message.split())}"
    return _made(container, Reason.ContainerRefused, text.rstrip(": "), code=code)


def _made(
    container: ContainerFact, reason: str, message: str, remedy: str = "", code: int = 0
) -> Trouble:
    return Trouble(
        reason=str(reason),
        message=message,
        remedy=remedy,
        container=container.name,
        exit_code=code,
    )
