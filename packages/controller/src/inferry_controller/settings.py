"""The settings of rendering (``[kubernetes]``) and of the process (``[controller]``).

KServe's ConfigMap ``inferenceservice-config`` is read into the same settings, so each
has one name, one type and one default wherever it is given.
"""

from __future__ import annotations

from inferry.plugins import SettingsSpec

_K, _C = "kubernetes", "controller"

#: A tuple of all; the sections are this package's.
SETTINGS: tuple[SettingsSpec, ...] = (
    SettingsSpec(
        section=_K,
        key="mode",
        default="Standard",
        help="Standard or Knative, where a service has no annotation "
        "serving.kserve.io/deploymentMode.",
    ),
    SettingsSpec(
        section=_K,
        key="ingress",
        default="gateway",
        help="gateway (HTTPRoute), ingress, or none.",
    ),
    SettingsSpec(
        section=_K,
        key="gateway",
        default="kserve/kserve-ingress-gateway",
        help="The Gateway of every HTTPRoute, as namespace/name.",
    ),
    SettingsSpec(
        section=_K,
        key="ingress_class",
        default="",
        help="The class of every Ingress; empty: the cluster's default.",
    ),
    SettingsSpec(
        section=_K,
        key="additional_domains",
        type="list",
        default=(),
        help="Further domains below which services are reached.",
    ),
    SettingsSpec(
        section=_K,
        key="path_template",
        default="",
        help="A path on the shared host, such as /serving/{namespace}/{name}.",
    ),
    SettingsSpec(
        section=_K,
        key="route_timeouts",
        type="bool",
        default=True,
        help="Whether HTTPRoutes carry the timeout of the component.",
    ),
    SettingsSpec(
        section=_K,
        key="headless",
        type="bool",
        default=False,
        help="Make Services without a cluster IP.",
    ),
    SettingsSpec(
        section=_K,
        key="network_policy",
        type="bool",
        default=False,
        help="Render a NetworkPolicy for each component.",
    ),
    SettingsSpec(
        section=_K,
        key="disruption_budget",
        type="bool",
        default=True,
        help="Render a PodDisruptionBudget where two or more replicas run.",
    ),
    SettingsSpec(
        section=_K,
        key="monitor",
        default="none",
        help="Prometheus operator: none, service (ServiceMonitor) or pod (PodMonitor).",
    ),
    SettingsSpec(
        section=_K,
        key="max_surge",
        default="25%",
        help="maxSurge of a Deployment without a deploymentStrategy.",
    ),
    SettingsSpec(
        section=_K,
        key="max_unavailable",
        default="0",
        help="maxUnavailable of a Deployment without a deploymentStrategy.",
    ),
    SettingsSpec(
        section=_K,
        key="storage_image",
        default="{registry}/inferry-storage:{version}",
        help="The image of the init container that fetches models.",
    ),
    SettingsSpec(
        section=_K,
        key="storage_requests",
        type="map",
        default={"cpu": "100m", "memory": "100Mi"},
        help="Resources that the init container asks for.",
    ),
    SettingsSpec(
        section=_K,
        key="storage_limits",
        type="map",
        default={"cpu": "1", "memory": "1Gi"},
        help="Resources that the init container may use.",
    ),
    SettingsSpec(
        section=_K,
        key="ca_bundle",
        default="",
        help="A ConfigMap with the certificate authorities that fetches trust.",
    ),
    SettingsSpec(
        section=_K,
        key="ca_bundle_path",
        default="/etc/ssl/custom-certs",
        help="Where the init container finds them.",
    ),
    SettingsSpec(
        section=_K,
        key="oci_mode",
        default="native",
        help="How oci:// is mounted: native (image volume), modelcar or fetch.",
    ),
    SettingsSpec(
        section=_K,
        key="storage_config_secret",
        default="storage-config",
        help="The Secret whose entries storage.key names.",
    ),
    SettingsSpec(
        section=_K,
        key="automount_token",
        type="bool",
        default=False,
        help="Give pods a token for the API server where they do not ask themselves.",
    ),
    SettingsSpec(
        section=_K,
        key="annotations_kept_back",
        type="list",
        default=(),
        help="Annotations of a service that its objects do not get.",
    ),
    SettingsSpec(
        section=_K,
        key="labels_kept_back",
        type="list",
        default=(),
        help="Labels of a service that its objects do not get.",
    ),
    SettingsSpec(
        section=_C,
        key="namespaces",
        type="list",
        default=(),
        help="The namespaces to watch; empty: all of them.",
    ),
    SettingsSpec(
        section=_C,
        key="workers",
        type="int",
        default=16,
        help="How many services are reconciled at a time.",
    ),
    SettingsSpec(
        section=_C,
        key="leader_election",
        type="bool",
        default=True,
        help="Hold a Lease, so that of several replicas one writes.",
    ),
    SettingsSpec(
        section=_C,
        key="host",
        default="127.0.0.1",
        help="Address of health and metrics; 0.0.0.0 in a pod.",
    ),
    SettingsSpec(
        section=_C,
        key="port",
        type="int",
        default=8080,
        help="Port of /healthz, /readyz and /metrics; 0 takes any.",
    ),
)
