"""`KubernetesBackend`: the verbs of ``inferry``, said to a cluster.

Light on purpose: what speaks to an API server is imported when a verb is called.
"""

from inferry_controller.backend._backend import KubernetesBackend

__all__ = ["KubernetesBackend"]
