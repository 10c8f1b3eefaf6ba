"""The inference service over gRPC.

`listener` binds the port and ends it, `service` has what answers each RPC, `contract`
says what is on the wire. Nothing here is imported before a gRPC port is asked for.
"""
