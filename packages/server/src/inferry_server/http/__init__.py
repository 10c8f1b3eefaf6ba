"""HTTP/1.1: the listener, the raw ASGI application and its routes."""
