"""Why a pod is not ready: one reason for each thing that goes wrong."""

from __future__ import annotations

from typing import Any

import pytest
from cluster_objects import ended, looping, pod_fact, running, waiting
from inferry_controller.observing.diagnosis import diagnose, is_fetching, is_unclear
from inferry_controller.observing.facts import EventFact

NAME = "iris-predictor-5d7f-x2"
UNSCHEDULED = {"node": "", "phase": "Pending"}


def unscheduled(message: str, reason: str = "Unschedulable") -> dict[str, Any]:
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": reason,
        "message": message,
    }
    return {**UNSCHEDULED, "conditions": [condition]}


NOT_PULLED = 'Back-off pulling image "acme:1": ErrImagePull: '
FAULTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "image not found": (
        {
            "server": waiting(
                "ImagePullBackOff",
                f"{NOT_PULLED}failed to resolve reference: acme:1: not found",
            )
        },
        "ImagePullFailed",
        "the image acme:1 is not in its registry",
    ),
    "image denied": (
        {
            "server": waiting(
                "ErrImagePull",
                "pull access denied, repository does not exist or may require "
                "authorization",
            )
        },
        "ImagePullFailed",
        (
            "the registry refuses to give the image acme:1: pull access denied, "
            "repository does not exist or may require authorization"
        ),
    ),
    "image never pulled": (
        {"server": waiting("ErrImageNeverPull", "Container image is not present")},
        "ImagePullFailed",
        "the image acme:1 is not on the node, and imagePullPolicy is Never",
    ),
    "image of the storage container": (
        {"storage": waiting("ImagePullBackOff", "x: not found")},
        "ImagePullFailed",
        "the image store:1 is not in its registry",
    ),
    "image with a wrong name": (
        {"server": waiting("InvalidImageName", "couldn't parse image")},
        "ImagePullFailed",
        "the image acme:1 is no name of an image",
    ),
    "secret missing": (
        {"server": waiting("CreateContainerConfigError", 'secret "keys" not found')},
        "SecretNotFound",
        "there is no Secret 'keys'",
    ),
    "key of a secret missing": (
        {
            "server": waiting(
                "CreateContainerConfigError", "couldn't find key token in Secret t/keys"
            )
        },
        "SecretNotFound",
        "the Secret 'keys' has no key 'token'",
    ),
    "config map missing": (
        {"server": waiting("CreateContainerConfigError", 'configmap "c" not found')},
        "ConfigMapNotFound",
        "there is no ConfigMap 'c'",
    ),
    "image that runs as root": (
        {
            "server": waiting(
                "CreateContainerConfigError",
                "container has runAsNonRoot and image will run as root",
            )
        },
        "ContainerRefused",
        (
            "container kserve-container cannot start: container has runAsNonRoot and "
            "image will run as root"
        ),
    ),
    "command not found": (
        {"server": waiting("RunContainerError", 'exec: "nope": not found')},
        "ContainerRefused",
        'container kserve-container cannot start: exec: "nope": not found',
    ),
    "command not found, later": (
        {"server": looping(128, 'exec: "nope": not found', "StartError")},
        "ContainerRefused",
        'container kserve-container cannot start: exec: "nope": not found',
    ),
    "out of memory": (
        {"server": looping(137, "", "OOMKilled")},
        "OutOfMemory",
        "container kserve-container was killed: it needs more than its limit of 1Gi",
    ),
    "out of memory, running again": (
        {
            "server": {
                **running(),
                "restartCount": 1,
                "lastState": ended(137, "", "OOMKilled")["state"],
            }
        },
        "OutOfMemory",
        "container kserve-container was killed: it needs more than its limit of 1Gi",
    ),
    "storage out of memory": (
        {"storage": ended(137, "", "OOMKilled")},
        "OutOfMemory",
        "container storage-initializer was killed: it needs more than its limit",
    ),
    "storage that says why": (
        {"storage": looping(3, "StorageNotFound: s3://b/m holds nothing\nlook at b/")},
        "StorageNotFound",
        "s3://b/m holds nothing",
    ),
    "storage by its exit code": (
        {"storage": ended(4, "")},
        "StorageAccessDenied",
        "container storage-initializer ended with exit code 4",
    ),
    "storage of KServe": (
        {"storage": ended(1, "Traceback … botocore NoSuchBucket")},
        "StorageFailed",
        (
            "container storage-initializer ended with exit code 1: Traceback … "
            "botocore NoSuchBucket"
        ),
    ),
    "a model that says why": (
        {"server": looping(22, "ModelCorrupt: the file m.onnx is cut off")},
        "ModelCorrupt",
        "the file m.onnx is cut off",
    ),
    "a crash loop": (
        {"server": looping(3, "boom")},
        "ReplicaCrashed",
        "container kserve-container ended with exit code 3: boom",
    ),
    "the first crash": (
        {"server": ended(3)},
        "ReplicaRestarting",
        "container kserve-container ended with exit code 3",
    ),
    "no cpu": (
        unscheduled(
            "0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are "
            "available: 3 No preemption victims found for incoming pod."
        ),
        "InsufficientResources",
        "no node has enough cpu free: 0/3 nodes are available: 3 Insufficient cpu",
    ),
    "no gpu": (
        unscheduled(
            "0/3 nodes are available: 1 Insufficient cpu, 3 Insufficient "
            "nvidia.com/gpu."
        ),
        "InsufficientGPU",
        (
            "no node has enough nvidia.com/gpu free: 0/3 nodes are available: 1 "
            "Insufficient cpu, 3 Insufficient nvidia.com/gpu"
        ),
    ),
    "no node with the label": (
        unscheduled(
            "0/3 nodes are available: 3 node(s) didn't match Pod's node "
            "affinity/selector."
        ),
        "Unschedulable",
        (
            "no node takes the pod: 0/3 nodes are available: 3 node(s) didn't match "
            "Pod's node affinity/selector"
        ),
    ),
    "no claim": (
        unscheduled(
            "0/3 nodes are available: persistentvolumeclaim "
            '"models" not found. preemption: 0/3 …'
        ),
        "VolumeNotFound",
        "there is no PersistentVolumeClaim 'models'",
    ),
    "claim not bound": (
        unscheduled("0/1 nodes: pod has unbound immediate PersistentVolumeClaims."),
        "VolumeNotBound",
        "a PersistentVolumeClaim of the pod is not bound to a volume",
    ),
    "gated": (
        unscheduled("waiting", "SchedulingGated"),
        "Pending",
        "a scheduling gate holds the pod back",
    ),
    "evicted": (
        {"phase": "Failed", "reason": "Evicted", "message": "low on memory. "},
        "Evicted",
        f"pod {NAME} was evicted: low on memory.",
    ),
    "node lost": (
        {"phase": "Failed", "reason": "NodeLost", "message": "unresponsive"},
        "NodeLost",
        f"pod {NAME} ended with its node node1: unresponsive",
    ),
    "refused by the kubelet": (
        {"phase": "Failed", "reason": "OutOfmemory", "message": "not enough"},
        "InsufficientResources",
        f"the node node1 refused pod {NAME}: not enough",
    ),
    "node silent": (
        {"server": running(ready=True, started=True)},
        "NodeLost",
        "the node node1 is silent",
    ),
    "readiness gate": (
        {
            "server": running(ready=True, started=True),
            "conditions": [{"type": "acme.com/gate", "status": "False"}],
        },
        "Pending",
        "the readiness gate acme.com/gate of the pod is not open",
    ),
    "no longer answering": (
        {"server": running(started=True)},
        "NotAnswering",
        "container kserve-container runs, and its model does not answer",
    ),
    "fetching": (
        {"storage": running()},
        "Downloading",
        "the model is being fetched",
    ),
    "fetching again after a signal": (
        {"storage": running(restartCount=1, lastState=ended(143)["state"])},
        "Downloading",
        "the model is being fetched",
    ),
    "loading": ({"server": running()}, "Loading", "the model is being loaded"),
    "being made": (
        {
            "server": waiting("PodInitializing"),
            "storage": waiting("PodInitializing"),
            "phase": "Pending",
        },
        "Pending",
        "its containers are being made",
    ),
    "not scheduled yet": (UNSCHEDULED, "Pending", "no node has been chosen yet"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_reason_and_says_what(name: str) -> None:
    more, reason, message = FAULTS[name]
    found = diagnose(pod_fact(**more))
    assert found is not None
    assert (str(found.reason), found.message) == (reason, message)


def test_a_ready_pod_has_no_trouble() -> None:
    assert diagnose(pod_fact(ready=True)) is None


def test_what_to_do_is_what_the_container_said() -> None:
    found = diagnose(
        pod_fact(storage=looping(3, "StorageNotFound: nothing\nlook at b/"))
    )
    assert found is not None
    assert (found.remedy, found.container, found.exit_code) == (
        "look at b/",
        "storage-initializer",
        3,
    )


MOUNTS = {
    'MountVolume.SetUp failed for volume "keys" : secret "keys" not found': (
        "SecretNotFound",
        "there is no Secret 'keys'",
    ),
    'MountVolume.SetUp failed for volume "c" : configmap "c" not found': (
        "ConfigMapNotFound",
        "there is no ConfigMap 'c'",
    ),
    'MountVolume.SetUp failed for volume "keys" : references non-existent secret key: '
    "token": (
        "SecretNotFound",
        "a Secret that the pod mounts has no key 'token'",
    ),
    'MountVolume.SetUp failed for volume "nfs" : exit status 32': (
        "VolumeNotMounted",
        (
            "the volume 'nfs' cannot be mounted: MountVolume.SetUp failed for volume "
            '"nfs" : exit status 32'
        ),
    ),
}


@pytest.mark.parametrize("text", MOUNTS)
def test_only_events_tell_of_volumes(text: str) -> None:
    waits = {"server": waiting("PodInitializing"), "storage": waiting("ContainerCre")}
    found = pod_fact(phase="Pending", **waits)
    event = EventFact(kind="Pod", name=NAME, reason="FailedMount", message=text)
    other = EventFact(kind="Pod", name="other", reason="FailedMount", message="no")
    trouble = diagnose(found, (other, event))
    assert is_unclear(found)
    assert trouble is not None
    assert (str(trouble.reason), trouble.message) == MOUNTS[text]


def test_a_busy_kubelet_is_no_cause_and_a_missing_object_is() -> None:
    """What is newest comes last; the object that is not there is told in any case."""
    waits = {"server": waiting("PodInitializing"), "storage": waiting("ContainerCre")}
    found = pod_fact(phase="Pending", **waits)
    slow = 'MountVolume.SetUp failed for volume "a" : failed to sync secret cache: '
    texts = (
        f"{slow}timed out waiting for the condition",
        'MountVolume.SetUp failed for volume "a" : secret "a" not found',
        'MountVolume.SetUp failed for volume "b" : exit status 32',
    )
    events = [
        EventFact(kind="Pod", name=NAME, reason="FailedMount", message=text)
        for text in texts
    ]
    trouble = diagnose(found, events)
    assert trouble is not None
    assert trouble.reason == "SecretNotFound"
    busy = diagnose(found, events[:1])
    assert busy is not None
    assert busy.reason == "Pending"


def test_of_a_trace_its_last_line_is_told() -> None:
    trace = (
        "Traceback (most recent call last):\n"
        '  File "<string>", line 1, in <module>\n'
        "RuntimeError: no weights\n"
    )
    trouble = diagnose(pod_fact(server=ended(1, trace)))
    assert trouble is not None
    assert trouble.message.endswith("ended with exit code 1: RuntimeError: no weights")


def test_a_key_that_is_not_there_has_its_own_remedy() -> None:
    """The Secret exists: whoever created it again would find nothing changed."""
    refused = waiting(
        "CreateContainerConfigError", "couldn't find key token in Secret team/half"
    )
    trouble = diagnose(pod_fact(phase="Pending", server=refused))
    assert trouble is not None
    assert trouble.message == "the Secret 'half' has no key 'token'"
    assert trouble.remedy.startswith("add the key to the Secret")


def test_a_refused_user_is_told_without_the_name_of_the_pod() -> None:
    said = (
        'container\'s runAsUser breaks non-root policy (pod: "iris-1_team(91085ff0)", '
        "container: server)"
    )
    refused = waiting("CreateContainerConfigError", said)
    trouble = diagnose(pod_fact(phase="Pending", server=refused))
    assert trouble is not None
    assert trouble.reason == "ContainerRefused"
    assert trouble.message.endswith("runAsUser breaks non-root policy")


def test_the_answer_to_a_probe_is_told_without_its_length() -> None:
    event = EventFact(
        kind="Pod",
        name=NAME,
        reason="Unhealthy",
        message="Readiness probe failed: HTTP probe failed with statuscode: 503" * 9,
    )
    trouble = diagnose(pod_fact(server=running(started=True)), (event,))
    assert trouble is not None
    assert "readiness probe: HTTP probe failed with statuscode: 503" in trouble.message
    assert len(trouble.message) < 400


def test_a_pod_that_runs_or_waits_for_a_node_needs_no_events() -> None:
    assert not is_unclear(pod_fact(ready=True))
    assert not is_unclear(pod_fact(**unscheduled("0/1")))
    assert not is_unclear(pod_fact(server=running()))


def test_a_pod_that_fetches_can_be_asked_how_far_it_is() -> None:
    assert is_fetching(pod_fact(storage=running()))
    assert not is_fetching(pod_fact())
