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
        section=_K,
        key="storage_environment",
        type="map",
        default={},
        help="Environment of every init container that fetches, such as "
        "AWS_ENDPOINT_URL; what a service gives itself wins.",
    ),
    SettingsSpec(
        section=_K,
        key="server_environment",
        type="map",
        default={},
        help="Environment of every container of Inferry's model server.",
    ),
    SettingsSpec(
        section=_K,
        key="run_as_user",
        type="int",
        default=1000,
        help="The user of containers that name none; 0: what each image says.",
    ),
    SettingsSpec(
        section=_K,
        key="container_requests",
        type="map",
        default={},
        help="Resources that a component asks for where nobody else says.",
    ),
    SettingsSpec(
        section=_K,
        key="container_limits",
        type="map",
        default={},
        help="Resources that a component may use where nobody else says.",
    ),
    SettingsSpec(
        section=_K,
        key="scale_up_seconds",
        type="int",
        default=0,
        help="How long a HorizontalPodAutoscaler looks back before it adds replicas.",
    ),
    SettingsSpec(
        section=_K,
        key="scale_down_seconds",
        type="int",
        default=300,
        help="How long it looks back before it takes replicas away.",
    ),
    SettingsSpec(
        section=_K,
        key="virtual_service",
        type="bool",
        default=True,
        help="Knative mode: render a VirtualService for each service.",
    ),
    SettingsSpec(
        section=_K,
        key="istio_gateway",
        default="knative-serving/knative-ingress-gateway",
        help="Knative mode: Istio's Gateway for requests from outside.",
    ),
    SettingsSpec(
        section=_K,
        key="istio_local_gateway",
        default="knative-serving/knative-local-gateway",
        help="Knative mode: Istio's Gateway for requests from inside.",
    ),
    SettingsSpec(
        section=_K,
        key="istio_local_service",
        default="knative-local-gateway.istio-system.svc.cluster.local",
        help="Knative mode: the Service that a service's own name leads to.",
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
        key="secret_namespaces",
        type="list",
        default=(),
        help="The namespaces whose Secrets it reads, for the annotations on them.",
    ),
    SettingsSpec(
        section=_C,
        key="namespace",
        default="",
        help="Its own namespace, of Lease and ConfigMap; empty: $POD_NAMESPACE, or "
        "inferry.",
    ),
    SettingsSpec(
        section=_C,
        key="config_map",
        default="inferenceservice-config",
        help="The ConfigMap that it takes these settings from.",
    ),
    SettingsSpec(
        section=_C,
        key="log_level",
        default="info",
        help="debug, info, warning or error.",
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
