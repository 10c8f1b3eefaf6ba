"""Compliance kits for plugin authors: subclass one class, set one attribute.

```python
from inferry.testing import PluginTests


class TestPlugin(PluginTests):
    plugin = "onnx"
```

`PluginTests` needs the plugin installed and nothing else; `RuntimeTests`,
`StorageTests` and `PolicyTests` need what the implementation needs. The protocol kit
is `inferry.testing.protocol`, which needs the server too. Each test's docstring says
what to do when it fails. A test that cannot pass yet is overridden with
``@pytest.mark.xfail(reason=...)``; overriding one in any other way fails.
"""

import pytest

pytest.register_assert_rewrite(
    "inferry.testing._overrides",
    "inferry.testing._plugin",
    "inferry.testing._policy",
    "inferry.testing._runtime",
    "inferry.testing._storage",
    "inferry.testing._storage_client",
    "inferry.testing._storage_places",
    "inferry.testing._storage_reading",
)

from inferry.testing._plugin import PluginTests  # noqa: E402 - after the rewriting
from inferry.testing._policy import PolicyTests  # noqa: E402 - as above
from inferry.testing._run import run_kit  # noqa: E402 - as above
from inferry.testing._runtime import RuntimeTests  # noqa: E402 - as above
from inferry.testing._storage import StorageTests  # noqa: E402 - as above

__all__ = ["PluginTests", "PolicyTests", "RuntimeTests", "StorageTests", "run_kit"]
