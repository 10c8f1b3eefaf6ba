"""The command line: one module per command, imported only when it is called.

``inferry --help`` prints from the table in `inferry.cli._commands`; nothing but click
is imported for it.
"""

from inferry.cli._group import main

__all__ = ["main"]
