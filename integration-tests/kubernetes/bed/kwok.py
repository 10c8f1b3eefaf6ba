"""Nodes and pods without machines by KWOK; annotations tell pods how to fare.

A pod becomes Ready at once. An InferenceService passes annotations on to its pods, so
a test writes them there, below ``metadata`` or ``predictor``:

- ``bed.inferry.dev/delay``: how long nothing happens to the pod, such as ``1500ms``.
- ``bed.inferry.dev/pod-ip``: its address, where a real server listens.
- ``bed.inferry.dev/fault``: one of `FAULTS`.
- ``bed.inferry.dev/message``: what the fault says: the termination message of a
  container that ended, else the reason why it waits.
- ``bed.inferry.dev/exit-code``: of a container that ended (1, or 137 for ``oom``).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from bed.api import is_true
from bed.processes import Process

if TYPE_CHECKING:
    from pathlib import Path

    from bed.api import Api

DELAY = "bed.inferry.dev/delay"
POD_IP = "bed.inferry.dev/pod-ip"
FAULT = "bed.inferry.dev/fault"
MESSAGE = "bed.inferry.dev/message"
EXIT_CODE = "bed.inferry.dev/exit-code"
#: ``never-ready`` runs without becoming Ready; ``creating``, ``image-pull`` and
#: ``config-error`` do not start; ``crash`` and ``oom`` end again and again, as does
#: the first init container with ``init-crash``; ``init-running`` goes on there.
FAULTS = (
    "never-ready",
    "creating",
    "image-pull",
    "config-error",
    "crash",
    "oom",
    "init-crash",
    "init-running",
)
POD_NET = "10.244.0.0/16"

_POD = """
{{ $now := Now }}
{{ $said := or .metadata.annotations dict }}
{{ $fault := or (index $said "bed.inferry.dev/fault") "" }}
{{ $text := or (index $said "bed.inferry.dev/message") "" }}
{{ $code := or (index $said "bed.inferry.dev/exit-code") "1" }}
{{ if eq $fault "oom" }}{{ $code = "137" }}{{ end }}
{{ $init := or (eq $fault "init-crash") (eq $fault "init-running") }}
{{ $ended := or (eq $fault "crash") (eq $fault "oom") }}
{{ $waits := "" }}
{{ if eq $fault "creating" }}{{ $waits = "ContainerCreating" }}{{ end }}
{{ if eq $fault "image-pull" }}{{ $waits = "ImagePullBackOff" }}{{ end }}
{{ if eq $fault "config-error" }}{{ $waits = "CreateContainerConfigError" }}{{ end }}
{{ if $init }}{{ $waits = "PodInitializing" }}{{ end }}
{{ $ready := eq $fault "" }}
{{ $running := and (not $init) (eq $waits "") }}
conditions:
{{ range .spec.readinessGates }}
- {type: {{ Quote .conditionType }}, status: "True", lastTransitionTime: {{ Quote $now }}}
{{ end }}
- {type: PodReadyToStartContainers, status: "True", lastTransitionTime: {{ Quote $now }}}
{{ if $init }}
- type: Initialized
  status: "False"
  reason: ContainersNotInitialized
  message: containers with incomplete status
  lastTransitionTime: {{ Quote $now }}
{{ else }}
- {type: Initialized, status: "True", lastTransitionTime: {{ Quote $now }}}
{{ end }}
{{ range $type := list "ContainersReady" "Ready" }}
- type: {{ $type }}
  lastTransitionTime: {{ Quote $now }}
  {{ if $ready }}
  status: "True"
  {{ else }}
  status: "False"
  reason: ContainersNotReady
  message: containers with unready status
  {{ end }}
{{ end }}
initContainerStatuses:
{{ range $number, $container := .spec.initContainers }}
- name: {{ Quote .name }}
  image: {{ Quote .image }}
  imageID: ""
  {{ if and $init (eq $number 0) }}
  ready: false
  started: false
  {{ if eq $fault "init-running" }}
  restartCount: 0
  state: {running: {startedAt: {{ Quote $now }}}}
  {{ else }}
  restartCount: 3
  state:
    waiting: {reason: CrashLoopBackOff, message: "back-off 40s restarting failed container"}
  lastState:
    terminated:
      exitCode: {{ $code }}
      reason: Error
      message: {{ Quote $text }}
      startedAt: {{ Quote $now }}
      finishedAt: {{ Quote $now }}
  {{ end }}
  {{ else if and $init (gt $number 0) }}
  ready: false
  restartCount: 0
  state: {waiting: {reason: PodInitializing}}
  {{ else }}
  ready: true
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ Quote $now }}
      finishedAt: {{ Quote $now }}
  {{ end }}
{{ end }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ Quote .name }}
  image: {{ Quote .image }}
  imageID: ""
  ready: {{ $ready }}
  {{ if $ended }}
  started: false
  restartCount: 3
  state:
    waiting: {reason: CrashLoopBackOff, message: "back-off 40s restarting failed container"}
  lastState:
    terminated:
      exitCode: {{ $code }}
      reason: {{ if eq $fault "oom" }}OOMKilled{{ else }}Error{{ end }}
      message: {{ Quote $text }}
      startedAt: {{ Quote $now }}
      finishedAt: {{ Quote $now }}
  {{ else if $running }}
  started: {{ $ready }}
  restartCount: 0
  state: {running: {startedAt: {{ Quote $now }}}}
  {{ else }}
  started: false
  restartCount: 0
  state: {waiting: {reason: {{ $waits }}, message: {{ Quote $text }}}}
  {{ end }}
{{ end }}
phase: {{ if or $ended $running }}Running{{ else }}Pending{{ end }}
startTime: {{ Quote $now }}
hostIP: {{ NodeIPWith .spec.nodeName | Quote }}
hostIPs: [{ip: {{ NodeIPWith .spec.nodeName | Quote }}}]
{{ $ip := index $said "bed.inferry.dev/pod-ip" }}
{{ if not $ip }}
{{ $ip = PodIPWith .spec.nodeName ( or .spec.hostNetwork false ) ( or .metadata.uid "" ) ( or .metadata.name "" ) ( or .metadata.namespace "" ) }}
{{ end }}
podIP: {{ Quote $ip }}
podIPs: [{ip: {{ Quote $ip }}}]
"""  # noqa: E501 - one call of a template

_JOB = """
{{ $now := Now }}
phase: Succeeded
conditions:
- type: Ready
  status: "False"
  reason: PodCompleted
  lastTransitionTime: {{ Quote $now }}
containerStatuses:
{{ range .spec.containers }}
- name: {{ Quote .name }}
  image: {{ Quote .image }}
  imageID: ""
  ready: false
  restartCount: 0
  state:
    terminated:
      exitCode: 0
      reason: Completed
      startedAt: {{ Quote $now }}
      finishedAt: {{ Quote $now }}
{{ end }}
"""

_NODE = """
{{ $now := Now }}
conditions:
- type: Ready
  status: "True"
  reason: Fake
  message: ""
  lastHeartbeatTime: {{ Quote $now }}
  lastTransitionTime: {{ Quote $now }}
addresses:
- {type: InternalIP, address: {{ NodeIP | Quote }}}
- {type: Hostname, address: {{ Quote .metadata.name }}}
capacity: {cpu: 1k, memory: 16Ti, pods: 100k, ephemeral-storage: 16Ti}
allocatable: {cpu: 1k, memory: 16Ti, pods: 100k, ephemeral-storage: 16Ti}
nodeInfo:
  architecture: amd64
  bootID: ""
  containerRuntimeVersion: fake
  kernelVersion: fake
  kubeProxyVersion: fake
  kubeletVersion: fake
  machineID: ""
  operatingSystem: linux
  osImage: fake
  systemUUID: ""
phase: Running
"""


def kwok(program: Path, folder: Path, kubeconfig: Path) -> Process:
    """Start KWOK with stages of our own; the program has none."""
    stages = folder / "stages.yaml"
    stages.write_text("\n---\n".join(json.dumps(stage) for stage in _stages()))
    return Process(
        [
            program,
            f"--kubeconfig={kubeconfig}",
            f"--config={stages}",
            "--manage-all-nodes=false",
            "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
            f"--cidr={POD_NET}",
            "--node-ip=10.1.0.1",
            "--node-lease-duration-seconds=40",
        ],
        folder=folder,
    )


def add_nodes(api: Api, count: int) -> None:
    """Make nodes for KWOK; they take any number of pods and have no GPU."""
    for number in range(count):
        name = f"fake-{number}"
        labels = {"kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
        metadata = {
            "name": name,
            "labels": labels,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        }
        api.apply({"apiVersion": "v1", "kind": "Node", "metadata": metadata})


def nodes_ready(api: Api, count: int) -> bool:
    """Whether so many nodes are Ready and pods may go there."""
    nodes = api.list("nodes")
    free = [
        node
        for node in nodes
        if is_true(node, "Ready") and not node["spec"].get("taints")
    ]
    return len(free) >= count


def _stages() -> list[dict[str, Any]]:
    lives = _where(".metadata.deletionTimestamp", "DoesNotExist")
    ready = '.status.conditions.[] | select( .type == "Ready" ) | .status'
    owner = ".metadata.ownerReferences.[].kind"
    later = f'.metadata.annotations["{DELAY}"]'
    delay = {"durationMilliseconds": 0, "durationFrom": {"expressionFrom": later}}
    gone = {"finalizers": {"empty": True}, "delete": True}
    return [
        _stage("node-ready", "Node", [lives, _where(ready, "NotIn", "True")], _NODE),
        _stage(
            "pod-starts",
            "Pod",
            [lives, _where(".status.podIP", "DoesNotExist")],
            _POD,
            delay=delay,
        ),
        _stage(
            "job-ends",
            "Pod",
            [
                lives,
                _where(".status.phase", "In", "Running"),
                _where(owner, "In", "Job"),
            ],
            _JOB,
            delay={"durationMilliseconds": 500},
        ),
        _stage(
            "pod-goes",
            "Pod",
            [_where(".metadata.deletionTimestamp", "Exists")],
            next=gone,
        ),
    ]


def _where(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"key": key, "operator": operator} | (
        {"values": list(values)} if values else {}
    )


def _stage(
    name: str,
    kind: str,
    when: list[dict[str, Any]],
    status: str = "",
    **more: dict[str, Any],
) -> dict[str, Any]:
    if status:
        patch = {"subresource": "status", "root": "status", "template": status}
        more["next"] = {"patches": [patch]}
    return {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": name},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": kind},
            "selector": {"matchExpressions": when},
            **more,
        },
    }
