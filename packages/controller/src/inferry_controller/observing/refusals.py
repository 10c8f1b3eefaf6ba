"""What admission and the scheduler say when they do not take a pod.

Both tell it as text alone; these are the texts of Kubernetes 1.24 to 1.36.
"""

from __future__ import annotations

import re

from inferry.status import Reason
from inferry_controller.observing.trouble import Trouble

#: ``pods "iris-predictor-7d4-" is forbidden: `` says nothing that the rest does not.
_PREFIX = re.compile(r'^(pods "[^"]*" is forbidden: |Error creating: )+')
#: What holds a pod as a user wrote it.
_OF_PODS = frozenset({"Deployment", "serving.knative.dev/Service"})
#: Nor does this of an object that was to be applied.
_CALL = re.compile(r'^(cannot \S+ \S+ \S+: |\S+ "[^"]*" is (forbidden|invalid): )+')
#: A whole part of a pod, as Go prints it, before what is wrong with it.
_VALUE = re.compile(r"Invalid value: (\{.*?\}|\[.*?\]): (?=[a-z])")
_HOOK = re.compile(r'failed calling webhook "([^"]+)"')
_HOOK_REMEDY = (
    "mend the admission webhook that the message names, or delete its configuration"
)
_DENIED = re.compile(r"denied (the )?request")
_DENIED_REMEDY = "do what the policy in the message asks for, or have it changed"
_FIELDS_REMEDY = "correct the field of the pod that the message names, and apply again"
_ACCOUNT = re.compile(r'serviceaccount "([^"]+)" not found', re.IGNORECASE)
_NAMED = re.compile(r"exceeded quota: ([^,]+), requested: ([^,]+(?:,[^,:]+=[^,]+)*)")

_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)" not found')
_UNBOUND = "unbound immediate PersistentVolumeClaims"
#: What a vendor's plugin calls a GPU: nvidia.com/gpu, nvidia.com/mig-1g.5gb,
#: gpu.intel.com/i915 …
_GPU = re.compile(r"Insufficient (\S*(?:gpu|/mig-)\S*?)[,.]?(?:\s|$)")
_SHORT = re.compile(r"Insufficient (\S+?)[,.]?(?:\s|$)|(Too many pods)")
#: The scheduler adds what preemption could not do, which changes with each try.
_PREEMPTION = re.compile(r"\s*(no new claims to deallocate[^.]*\.?|preemption: .*)$")


def of_admission(message: str) -> Trouble:
    """Return why the cluster makes no pod, from the condition ``ReplicaFailure``."""
    text = _PREFIX.sub("", message)
    account = _ACCOUNT.search(text)
    if account:
        return Trouble(
            reason=Reason.ServiceAccountNotFound,
            message=f"there is no ServiceAccount {account[1]!r}",
        )
    if "exceeded quota" in text or "failed quota" in text:
        # How much is used changes with every pod of the namespace.
        return Trouble(reason=Reason.QuotaExceeded, message=_quota(text))
    return Trouble(
        reason=Reason.PodRefused,
        message=f"the cluster refuses the pod: {text}",
        remedy=_HOOK_REMEDY if _HOOK.search(text) else "",
    )


def of_apply(kind: str, name: str, message: str, *, invalid: bool) -> Trouble:
    """Return why the API server does not take the object *name*.

    *invalid* is whether its fields are wrong by themselves. Those of what makes pods
    are a user's; any other is ours.
    """
    text = _VALUE.sub("", _CALL.sub("", message))
    if "exceeded quota" in text or "failed quota" in text:
        return Trouble(reason=Reason.QuotaExceeded, message=_quota(text))
    said = f"the API server refuses the {kind} {name}: {text}"
    if invalid and kind in _OF_PODS:
        return Trouble(reason=Reason.InvalidSpec, message=said, remedy=_FIELDS_REMEDY)
    remedy = _HOOK_REMEDY if _HOOK.search(text) else ""
    if _DENIED.search(text):
        remedy = _DENIED_REMEDY
    return Trouble(reason=Reason.ApplyFailed, message=said, remedy=remedy)


def of_name(kind: str, name: str, message: str) -> Trouble:
    """Return that an object which somebody else made has the *name*."""
    text = _CALL.sub("", message)
    return Trouble(
        reason=Reason.NameConflict,
        message=f"{kind} {name} is there already and belongs to somebody else: {text}",
    )


def is_admission(message: str) -> bool:
    """Say whether a webhook or policy of the cluster refused, not the API itself."""
    return bool(_HOOK.search(message) or _DENIED.search(message))


def _quota(text: str) -> str:
    named = _NAMED.search(text)
    if named is None:
        return text
    return f"the quota {named[1]} leaves no room for {named[2]}"


def of_scheduler(message: str) -> Trouble:
    """Return why no node takes a pod, from its condition ``PodScheduled``."""
    text = _PREEMPTION.sub("", message).strip().rstrip(".")
    claim = _CLAIM.search(text)
    if claim:
        return Trouble(
            reason=Reason.VolumeNotFound,
            message=f"there is no PersistentVolumeClaim {claim[1]!r}",
        )
    if _UNBOUND in text:
        return Trouble(
            reason=Reason.VolumeNotBound,
            message="a PersistentVolumeClaim of the pod is not bound to a volume",
        )
    gpu = _GPU.search(text)
    if gpu:
        message = f"no node has enough {gpu[1]} free: {text}"
        return Trouble(reason=Reason.InsufficientGPU, message=message)
    if _SHORT.search(text):
        found = dict.fromkeys(a or b.lower() for a, b in _SHORT.findall(text))
        message = f"no node has enough {' and '.join(found)} free: {text}"
        return Trouble(reason=Reason.InsufficientResources, message=message)
    return Trouble(
        reason=Reason.Unschedulable, message=f"no node takes the pod: {text}"
    )
