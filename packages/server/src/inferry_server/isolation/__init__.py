"""A model in a process of its own, so that its end is nobody else's.

`Isolated` stands in the server for the model; `worker` is the process. Between them go
`frames` over socket pairs, one for each call that may run at a time: tensors as their
bytes, never a pickled object.
"""
