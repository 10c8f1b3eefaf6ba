"""How a route is described for OpenAPI."""

from __future__ import annotations

from typing import NamedTuple

#: Statuses of a route that infers, of one that tells, of one that changes something.
INFERS = (400, 403, 404, 408, 413, 500, 503, 504)
TELLS = (404, 503)
CHANGES = (400, 403, 404, 408, 413)


class Described(NamedTuple):
    """One route; ``request`` and ``response`` name a schema, "" is none."""

    method: str
    path: str
    summary: str
    response: str
    statuses: tuple[int, ...] = ()
    request: str = ""
    example: object = None
