"""gRPC calls: who answers them, and how they get there and back.

Only `server` and what it imports need grpcio; it is imported with the first connection
that speaks HTTP/2, so that nobody else pays for it.
"""
