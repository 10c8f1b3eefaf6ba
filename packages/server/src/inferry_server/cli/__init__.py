"""``python -m inferry_server``: one model, one port, KServe's flags."""
