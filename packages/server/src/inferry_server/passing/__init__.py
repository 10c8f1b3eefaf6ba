"""Requests for a model that has a V2 server of its own, passed on as they came.

`connections` speaks HTTP with that server, `rpc` gRPC, `passing` is what a loaded model
holds of both, and `refusals` says what an error there is here.
"""
