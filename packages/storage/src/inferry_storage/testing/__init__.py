"""Bad models, to see that none of them comes through a fetch.

`bad_models` yields hundreds: names that leave their folder, bytes that are not those
that were promised, archives and layers that link or blow up, files that run code. Each
says with which errors it must be refused. `Trying` fetches them, out of a store in
memory or of one that a backend under test reads:

```python
outcomes = await Trying(tmp_path, put=my_put, plugins=plugins).all(bad_models())
assert not [each for each in outcomes if each.let_in]
```

``python -m inferry_storage.testing`` tries all and prints a table.

`EngineTests` is `inferry.testing.StorageTests` with the engine over the backend; it
needs pytest, so it is imported when it is asked for.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec

from inferry_storage.testing._archives import bad_archives
from inferry_storage.testing._bytes import bad_bytes
from inferry_storage.testing._code import bad_code
from inferry_storage.testing._layers import bad_layers
from inferry_storage.testing._model import BadFile, BadModel
from inferry_storage.testing._names import bad_names
from inferry_storage.testing._trying import Outcome, Trying, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inferry_storage.testing._engine import EngineTests

__all__ = [
    "BadFile",
    "BadModel",
    "EngineTests",
    "Outcome",
    "Trying",
    "bad_models",
    "table",
]


def __getattr__(name: str) -> object:
    if name != "EngineTests":
        raise AttributeError(name)
    import pytest

    pytest.register_assert_rewrite("inferry_storage.testing._engine")
    from inferry_storage.testing._engine import EngineTests

    return EngineTests


def bad_models() -> Iterator[BadModel]:
    """Yield every bad model there is, in the same order each time."""
    kinds = (bad_names, bad_bytes, bad_archives, bad_layers, bad_code)
    for number, model in enumerate(itertools.chain.from_iterable(k() for k in kinds)):
        # Long names are shown in part, so the number tells them apart.
        yield msgspec.structs.replace(model, name=f"{number}: {model.name}")
