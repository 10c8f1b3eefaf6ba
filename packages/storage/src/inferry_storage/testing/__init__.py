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
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inferry_storage.testing._archives import bad_archives
from inferry_storage.testing._bytes import bad_bytes
from inferry_storage.testing._code import bad_code
from inferry_storage.testing._layers import bad_layers
from inferry_storage.testing._model import BadFile, BadModel
from inferry_storage.testing._names import bad_names
from inferry_storage.testing._trying import Outcome, Trying, table

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["BadFile", "BadModel", "Outcome", "Trying", "bad_models", "table"]


def bad_models() -> Iterator[BadModel]:
    """Yield every bad model there is, in the same order each time."""
    yield from bad_names()
    yield from bad_bytes()
    yield from bad_archives()
    yield from bad_layers()
    yield from bad_code()
