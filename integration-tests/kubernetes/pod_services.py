"""Services whose pods a real API server must take, by what each of them shows."""

from __future__ import annotations

_HEAD = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: iris, namespace: team%s}
spec:
"""
_TRITON = """
apiVersion: serving.kserve.io/v1alpha1
kind: ServingRuntime
metadata: {name: kserve-tritonserver, namespace: team}
spec:
  supportedModelFormats: [{name: triton, version: "2", autoSelect: true}]
  protocolVersions: [v2, grpc-v2]
  volumes: [{name: shm, emptyDir: {medium: Memory, sizeLimit: 2Gi}}]
  containers:
    - name: kserve-container
      image: nvcr.io/nvidia/tritonserver:23.05-py3
      args: [tritonserver, --model-store=/mnt/models, --http-port=8080]
      volumeMounts: [{name: shm, mountPath: /dev/shm}]
      resources: {limits: {nvidia.com/gpu: 1}, requests: {cpu: "1"}}
---
"""


def _service(spec: str, annotations: str = "") -> str:
    more = f", annotations: {{{annotations}}}" if annotations else ""
    return _HEAD % more + spec


SERVICES: dict[str, str] = {
    "onnx-from-s3": _service("""
  predictor:
    model: {modelFormat: {name: onnx}, storageUri: "s3://bucket/iris"}
"""),
    "sklearn-from-a-claim": _service("""
  predictor:
    model:
      modelFormat: {name: sklearn}
      storageUri: pvc://claim/models/iris
      args: [--allowPickle=true]
"""),
    "trusted-pickle": _service("""
  predictor:
    model:
      modelFormat: {name: sklearn}
      storageUri: s3://bucket/iris.pkl
      args: [--allowPickle=true]
"""),
    "several-sources": _service("""
  predictor:
    model: {modelFormat: {name: onnx}}
    storageUris:
      - {uri: "s3://bucket/base", mountPath: /mnt/models/base}
      - {uri: "hf://acme/lora", mountPath: /mnt/models/lora}
      - {uri: "pvc://claim/x", mountPath: /mnt/models/x}
"""),
    "image-volume": _service("""
  predictor:
    model: {modelFormat: {name: onnx}, storageUri: "oci://registry/model:1"}
"""),
    "modelcar": _service("""
  predictor:
    model: {modelFormat: {name: onnx}, storageUri: "oci+modelcar://registry/model:1"}
"""),
    "fetched-image": _service("""
  predictor:
    imagePullSecrets: [{name: pulls}]
    model: {modelFormat: {name: onnx}, storageUri: "oci+fetch://registry/model:1"}
"""),
    "storage-key": _service("""
  predictor:
    model:
      modelFormat: {name: onnx}
      storage: {key: minio, path: iris, parameters: {bucket: models}}
"""),
    "storage-without-key": _service("""
  predictor:
    model:
      modelFormat: {name: onnx}
      storage: {path: iris, parameters: {type: s3, bucket: models}}
"""),
    "named-secret": _service(
        """
  predictor:
    model: {modelFormat: {name: onnx}, storageUri: "s3://bucket/iris"}
""",
        'serving.kserve.io/storageSecretName: "s3.secret"',
    ),
    "listed-secrets": _service("""
  predictor:
    serviceAccountName: reader
    model: {modelFormat: {name: onnx}, storageUri: "gs://bucket/iris"}
"""),
    "custom-container": _service("""
  predictor:
    containers:
      - image: registry/custom:1
        env: [{name: STORAGE_URI, value: "s3://bucket/iris"}]
        ports: [{containerPort: 9000, name: h2c}]
"""),
    "triton-on-a-gpu": _TRITON
    + _service(
        """
  predictor:
    runtimeClassName: nvidia
    tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
    model: {modelFormat: {name: triton}, storageUri: "s3://bucket/iris"}
""",
        "serving.kserve.io/gke-accelerator: nvidia-tesla-t4",
    ),
    "batcher-and-logger": _service("""
  predictor:
    batcher: {maxBatchSize: 16, maxLatency: 20}
    logger: {url: "http://sink", mode: all, metadataHeaders: [x-user]}
    containerConcurrency: 4
    timeout: 30
    model: {modelFormat: {name: onnx}, storageUri: "s3://bucket/iris"}
"""),
    "a-pod-of-ones-own": _service("""
  predictor:
    terminationGracePeriodSeconds: 20
    nodeSelector: {disk: fast}
    topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway}
    volumes: [{name: mine, emptyDir: {}}]
    initContainers: [{name: first, image: registry/first:1}]
    containers: [{name: beside, image: registry/beside:1}]
    model:
      modelFormat: {name: onnx}
      storageUri: s3://bucket/iris
      env: [{name: OMP_NUM_THREADS, value: "2"}]
      volumeMounts: [{name: mine, mountPath: /mine}]
      readinessProbe: {httpGet: {path: /mine, port: 8080}}
"""),
    "collocated-transformer": _service("""
  predictor:
    containers:
      - name: transformer-container
        image: registry/transformer:1
        ports: [{containerPort: 8081, name: http1}]
    model: {modelFormat: {name: onnx}, storageUri: "s3://bucket/iris"}
"""),
    "transformer-and-explainer": _service("""
  predictor:
    model: {modelFormat: {name: onnx}, storageUri: "s3://bucket/iris"}
  transformer:
    containerConcurrency: 2
    containers: [{image: registry/transformer:1}]
  explainer:
    containers: [{name: explainer, image: registry/explainer:1}]
"""),
}
