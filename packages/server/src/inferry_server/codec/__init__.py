"""Bytes to tensors and back; no module here knows about HTTP.

- `datatypes`: V2 datatype names, numpy dtypes, shapes
- `values`: the values of a JSON document
- `raw`: the bytes of the binary tensor data extension
- `v2`, `v1`: whole requests and responses
- `signature`: what the model takes against what came
"""
