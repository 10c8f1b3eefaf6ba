"""What runtimes have in common, for whoever writes one.

`files` finds the model in what the storage gave, `options` and `devices` read what a
service set, `tensors` goes between numpy and the V2 protocol. `tensors` needs numpy,
which whatever serves a model has; the others need nothing.
"""
