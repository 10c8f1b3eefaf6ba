"""What an install consists of: CRDs, rights, the controller; one source for all.

`manifests` gives the objects, `kustomization` a folder for ``kubectl apply -k``,
`chart` one for Helm. All are made from the same templates.
"""

from inferry_controller.install.chart import chart
from inferry_controller.install.kustomize import kustomization
from inferry_controller.install.objects import manifests
from inferry_controller.install.options import InstallOptions, options_from

__all__ = ["InstallOptions", "chart", "kustomization", "manifests", "options_from"]
