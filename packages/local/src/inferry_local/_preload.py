"""What each of Ray's worker processes imports before it is asked for anything.

Ray starts workers ahead of need; with this, the one that becomes a replica has paid for
its imports already.
"""

import gc
import importlib
from contextlib import suppress

from inferry_local._serve import cheap_imports, import_serve, replicas_on_loopback

with cheap_imports():
    import_serve()
    replicas_on_loopback()
    parts = ("inferry_local.replica", "inferry_server", "inferry_server.grpc.listener")
    for module in parts:
        # A broken part is reported by the replica that needs it, not by an idle worker.
        with suppress(Exception):
            importlib.import_module(module)
# What is imported stays: the collector need not look at it again and again.
gc.freeze()
