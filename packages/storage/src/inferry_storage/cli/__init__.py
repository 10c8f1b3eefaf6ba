"""``inferry storage``: pull, look at and clean up what models are made of."""

from __future__ import annotations

import click

__all__ = ["group"]


@click.group(name="storage")
def group() -> None:
    """Pull models, look at them where they are, and clean up the cache."""
