"""Every field of KServe's ConfigMap, and what becomes of it here.

The names are those of KServe 0.20; inner tables are written with dots. A name that ends
with ``*`` stands for all that begin so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inferry_controller.configuration import _values as as_

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, slots=True)
class Takes:
    """The setting that a field is: ``path`` is section, key and, of a map, entry."""

    path: tuple[str, ...]
    convert: Callable[[object], object] = as_.text


@dataclass(frozen=True, slots=True)
class Idle:
    """A field without effect here, and why; ``usual`` values are not worth a note."""

    why: str
    usual: tuple[object, ...] = ("",)


Field = Takes | Idle


def _kube(key: str, *entry: str, to: Callable[[object], object] = as_.text) -> Takes:
    return Takes(("kubernetes", key, *entry), to)


def _ingress(key: str, to: Callable[[object], object] = as_.text) -> Takes:
    return Takes(("ingress", key), to)


def _resources(prefix: str, settings: str) -> dict[str, Field]:
    return {
        f"{prefix}{what}{kind.capitalize()}": _kube(
            f"{settings}_{kind}s", what, to=as_.amount
        )
        for what in ("cpu", "memory")
        for kind in ("request", "limit")
    }


def _environment(name: str, to: Callable[[object], object] = as_.text) -> Takes:
    return _kube("storage_environment", name, to=to)


_LLM = Idle(
    "LLMInferenceService is not served here", ("", False, "enabled", "disabled")
)
_KEYS_OF_SECRETS = "the keys of a Secret have the names that KServe documents"
_OWN_SERVER = "the model server does this itself, without an agent beside it"

FIELDS: Mapping[str, Mapping[str, Field]] = {
    "deploy": {
        "defaultDeploymentMode": _kube("mode", to=as_.mode),
        "deploymentRolloutStrategy.defaultRollout.maxSurge": _kube(
            "max_surge", to=as_.share
        ),
        "deploymentRolloutStrategy.defaultRollout.maxUnavailable": _kube(
            "max_unavailable", to=as_.share
        ),
    },
    "ingress": {
        "kserveIngressGateway": _kube("gateway"),
        "ingressGateway": _kube("istio_gateway"),
        "localGateway": _kube("istio_local_gateway"),
        "localGatewayService": _kube("istio_local_service"),
        "knativeLocalGatewayService": _kube("istio_local_service"),
        "ingressDomain": _ingress("domain"),
        "additionalIngressDomains": _kube("additional_domains", to=as_.texts),
        "ingressClassName": _kube("ingress_class"),
        "domainTemplate": _ingress("domain_template", as_.template),
        "urlScheme": _ingress("url_scheme"),
        "pathTemplate": _kube("path_template", to=as_.template),
        "disableIstioVirtualHost": _kube("virtual_service", to=as_.opposite),
        "disableHTTPRouteTimeout": _kube("route_timeouts", to=as_.opposite),
        "enableLLMInferenceServiceTLS": _LLM,
        "modelBasedRoutingHeaderName": Idle(_LLM.why, ("", "X-Gateway-Model-Name")),
        "modelBasedRoutingMode": _LLM,
    },
    "storageInitializer": {
        **_resources("", "storage"),
        "caBundleConfigMapName": _kube("ca_bundle"),
        "caBundleVolumeMountPath": _kube("ca_bundle_path"),
        "ociModelMode": _kube("oci_mode"),
        "enableModelcar": Idle("kubernetes.oci_mode says how oci:// is mounted"),
        "enableOciModelSupport": Idle("oci:// is always read"),
        "uidModelcar": Idle("a model of an image has the user of the pod"),
        "cpuModelcar": Idle("an image volume needs no resources"),
        "memoryModelcar": Idle("an image volume needs no resources"),
        "ociInsecureRegistry": Idle("the nodes' own settings say which they trust"),
    },
    "credentials": {
        "storageSpecSecretName": _kube("storage_config_secret"),
        "storageSecretNameAnnotation": Idle(
            "services name their Secret by serving.kserve.io/storageSecretName or "
            "serving.kserve.io/secretName",
            ("", "serving.kserve.io/storageSecretName", "serving.kserve.io/secretName"),
        ),
        "gcs.gcsCredentialFileName": Idle(
            _KEYS_OF_SECRETS, ("", "gcloud-application-credentials.json")
        ),
        "s3.s3AccessKeyIDName": Idle(_KEYS_OF_SECRETS, ("", "AWS_ACCESS_KEY_ID")),
        "s3.s3SecretAccessKeyName": Idle(
            _KEYS_OF_SECRETS, ("", "AWS_SECRET_ACCESS_KEY")
        ),
        "s3.s3Endpoint": _environment("S3_ENDPOINT"),
        "s3.s3UseHttps": _environment("S3_USE_HTTPS", as_.flag),
        "s3.s3Region": _environment("AWS_DEFAULT_REGION"),
        "s3.s3VerifySSL": _environment("S3_VERIFY_SSL", as_.flag),
        "s3.s3UseVirtualBucket": _environment("S3_USER_VIRTUAL_BUCKET", as_.flag),
        "s3.s3UseAccelerate": _environment("S3_USE_ACCELERATE", as_.flag),
        "s3.s3UseAnonymousCredential": _environment("awsAnonymousCredential", as_.flag),
        "s3.s3CABundle": _environment("AWS_CA_BUNDLE"),
        "s3.s3CABundleConfigMap": _kube("ca_bundle"),
    },
    "security": {
        "autoMountServiceAccountToken": _kube("automount_token", to=as_.switch),
    },
    "service": {"serviceClusterIPNone": _kube("headless", to=as_.switch)},
    "inferenceService": {
        **_resources("resource.", "container"),
        "serviceAnnotationDisallowedList": _kube("annotations_kept_back", to=as_.texts),
        "serviceLabelDisallowedList": _kube("labels_kept_back", to=as_.texts),
    },
    "autoscaler": {
        "scaleUpStabilizationWindowSeconds": _kube("scale_up_seconds", to=as_.whole),
        "scaleDownStabilizationWindowSeconds": _kube(
            "scale_down_seconds", to=as_.whole
        ),
    },
    "metricsAggregator": {
        "enableMetricAggregation": Idle(
            "there is one server in a pod, and its metrics are all there is",
            ("", "false", False),
        ),
        "enablePrometheusScraping": Idle(
            "set kubernetes.monitor to service or pod", ("", "false", False)
        ),
    },
    "logger": {"*": Idle(_OWN_SERVER)},
    "batcher": {"*": Idle(_OWN_SERVER)},
    "agent": {"*": Idle(_OWN_SERVER)},
    "router": {"*": Idle("an InferenceGraph is not run here yet")},
    "explainers": {"*": Idle("an explainer's image stands in the service")},
    "localModel": {"*": Idle("models are not kept on nodes here")},
    "multiNode": {"*": Idle("any resource may be asked for; none needs a list")},
    "opentelemetryCollector": {"*": Idle("no collector is put beside a model")},
}
