"""What the documents of a file say of the cluster they are for."""

from __future__ import annotations

from inferry_controller.rendering import surroundings_of

from inferry.api import loads

TEXT = """
apiVersion: v1
kind: Secret
metadata:
  name: store
  namespace: team
  annotations: {serving.kserve.io/s3-endpoint: minio}
stringData: {AWS_SECRET_ACCESS_KEY: hidden}
---
apiVersion: v1
kind: Secret
metadata: {name: elsewhere, namespace: other}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader, namespace: team}
secrets: [{name: store}]
---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterStorageContainer
metadata: {name: theirs}
spec:
  container: {name: storage-initializer, image: acme/initializer}
  supportedUriFormats: [{prefix: "s3://"}, {regex: "https://.*"}]
  supportsMultiModelDownload: true
---
apiVersion: serving.kserve.io/v1alpha1
kind: ClusterStorageContainer
metadata: {name: jobs}
spec:
  container: {name: storage-initializer, image: acme/initializer}
  supportedUriFormats: [{prefix: "s3://"}]
  workloadType: localModelDownloadJob
"""


def test_facts_are_those_of_the_namespace_and_of_the_cluster() -> None:
    """Names of values, never the values."""
    documents = [each.document for each in loads(TEXT).documents]
    found = surroundings_of(documents, "team")
    assert list(found.secrets) == ["store"]
    assert found.secrets["store"].keys == ("AWS_SECRET_ACCESS_KEY",)
    assert "hidden" not in repr(found)
    assert found.accounts["reader"].secrets == ("store",)
    theirs, jobs = found.storage_containers
    assert (theirs.prefixes, theirs.patterns) == (("s3://",), ("https://.*",))
    assert (theirs.many, theirs.disabled, jobs.disabled) == (True, False, True)
    assert found.kinds is None
