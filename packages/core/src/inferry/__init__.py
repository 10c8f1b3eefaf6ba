"""Inferry serves machine-learning models from one declarative file.

Import what you need from the modules: `inferry.api`, `inferry.plugins`,
`inferry.planning`, `inferry.model`, `inferry.storage`, `inferry.autoscaling`.
"""

__version__ = "0.1.0.dev0"
