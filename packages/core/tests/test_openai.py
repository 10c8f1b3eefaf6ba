"""A field of a body that cannot be used is named."""

from __future__ import annotations

import pickle

from inferry.openai import InvalidParameter


def test_the_parameter_survives_the_way_out_of_a_process() -> None:
    error = InvalidParameter("n is 0", param="n", code="below_min", remedy="use 1")

    copy = pickle.loads(pickle.dumps(error))

    assert (copy.param, copy.code, str(copy)) == ("n", "below_min", "n is 0; use 1")
