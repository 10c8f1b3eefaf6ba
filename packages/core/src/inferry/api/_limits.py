"""How long lists and texts may be, the same for the loader and for the API server.

The API server reckons what a rule may cost from the longest list and text it allows,
so that what a rule looks at needs a bound: each is far above what anybody writes.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_CONTAINER_NAME = 63
#: The most items of a list, or keys of a map, by the field's name.
ITEMS: Mapping[str, int] = MappingProxyType(
    {
        "canary": 10,
        "containers": 20,
        "env": 300,
        "initContainers": 20,
        "metrics": 20,
        "nodes": 50,
        "parameters": 50,
        "steps": 30,
        "storageUris": 20,
        "supportedModelFormats": 50,
        "supportedUriFormats": 50,
        "volumeMounts": 50,
        "volumes": 100,
    }
)
#: The most characters of a text, by the field's name.
TEXTS: Mapping[str, int] = MappingProxyType(
    {
        "framework": 63,
        "name": 253,
        "mountPath": 255,
        "nodeName": 253,
        "prefix": 1024,
        "regex": 1024,
        "resourceId": 1024,
        "storageUri": 2048,
        "uri": 2048,
    }
)
