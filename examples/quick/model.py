"""The quickest way in: any class with ``predict``; arrays in, arrays out.

Serve it with ``inferry run examples/quick/model.py:Doubler``.
"""

import numpy as np


class Doubler:
    """Double every number."""

    def load(self) -> None:
        """Prepare once; a real model reads its weights here."""
        self.factor = 2.0

    def predict(self, values: np.ndarray) -> np.ndarray:
        """Return *values* doubled; any shape."""
        return values * self.factor
