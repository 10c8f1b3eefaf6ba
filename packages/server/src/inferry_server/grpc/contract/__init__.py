"""What is on the wire, as tables: each message with its fields, each service.

`tables` says how they are written and makes descriptors of them, `proto_text` makes
the ``.proto`` files. The rest are the tables. None of it imports gRPC.
"""
