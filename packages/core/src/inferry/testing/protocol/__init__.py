"""The protocol kit: a real server with your model, asked in every way there is.

```python
from inferry.testing.protocol import ProtocolTests


class TestProtocol(ProtocolTests):
    runtime = "onnx"

    @pytest.fixture
    def artifact(self, tmp_path):
        ...  # write a tiny model, return the file or folder
```

It starts ``python -m inferry_server`` once per class and asks it with plain HTTP, with
gRPC messages and with tritonclient. Needs what the model needs to be served and the
extra ``inferry[conformance]``.
"""

import pytest

pytest.register_assert_rewrite(
    "inferry.testing.protocol._connection",
    "inferry.testing.protocol._kit",
    "inferry.testing.protocol._rest",
    "inferry.testing.protocol._rpc",
    "inferry.testing.protocol._triton",
)

from inferry.testing.protocol import clients, wire  # noqa: E402 - as below
from inferry.testing.protocol._connection import (  # noqa: E402 - after the rewriting
    ConnectionTests,
)
from inferry.testing.protocol._rest import RestTests  # noqa: E402 - as above
from inferry.testing.protocol._rpc import RpcTests  # noqa: E402 - as above
from inferry.testing.protocol._served import Served, free_port  # noqa: E402 - as above
from inferry.testing.protocol._triton import ClientTests  # noqa: E402 - as above


class ProtocolTests(RestTests, ConnectionTests, RpcTests, ClientTests):
    """Checks a model over V1, V2 and gRPC, in the server that users start.

    Set ``runtime`` to the name of a runtime plugin and define the fixture
    ``artifact(tmp_path)``, or set ``model_class`` to ``"module:Class"``. ``options``
    are the options of the model, ``flags`` further flags of the server. Override
    `request_example` where zeros in the shape of the metadata are no input for it.
    """


__all__ = ["ProtocolTests", "Served", "clients", "free_port", "wire"]
