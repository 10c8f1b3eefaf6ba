"""The annotations, modes and container names that KServe gives a meaning."""

from __future__ import annotations

PREFIX = "serving.kserve.io/"
DEPLOYMENT_MODE = f"{PREFIX}deploymentMode"
AUTOSCALER_CLASS = f"{PREFIX}autoscalerClass"
#: What an HPA goes by, as KServe's pages wrote it before scaleMetric and scaleTarget.
AUTOSCALER_METRIC = f"{PREFIX}metric"
TARGET_UTILIZATION = f"{PREFIX}targetUtilizationPercentage"
GPU_RESOURCE_TYPES = f"{PREFIX}gpu-resource-types"
MODEL_FORMAT = "modelFormat"
#: Either names the secret that opens the store; a chart of KServe sets the second.
STORAGE_SECRETS = (f"{PREFIX}storageSecretName", f"{PREFIX}secretName")

MODES = ("Standard", "Knative", "ModelMesh")
LEGACY_MODES = {"RawDeployment": "Standard", "Serverless": "Knative"}
AUTOSCALER_CLASSES = ("hpa", "keda", "external", "none")

MAIN_CONTAINER = "kserve-container"
TRANSFORMER_CONTAINER = "transformer-container"

ANNOTATIONS = frozenset(
    PREFIX + name
    for name in (
        "autoscalerClass",
        "deploymentMode",
        "disable-localmodel",
        "enable-auth",
        "enable-metric-aggregation",
        "enable-prometheus-scraping",
        "enable-tag-routing",
        "gke-accelerator",
        "gpu-resource-types",
        "metric",
        "nodegroup",
        "secretName",
        "storage-initializer-uid",
        "storageSecretName",
        "stop",
        "targetUtilizationPercentage",
    )
)
