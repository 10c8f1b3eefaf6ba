"""The ConfigMap ``inferenceservice-config``: KServe's keys and ours, as settings.

KServe's are texts of JSON; the key ``inferry.toml`` holds what an inferry.toml would.
Each value becomes a declared setting that knows where it came from. Reading never
raises: what is wrong is a problem, what has no effect here is a note, and the rest is
still of use.
"""

from inferry_controller.configuration._document import of_file
from inferry_controller.configuration._reading import Configuration, read

__all__ = ["Configuration", "of_file", "read"]
