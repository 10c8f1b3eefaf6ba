"""``python -m inferry_server``: models by name, ports, KServe's flags."""
