"""What runtimes have in common, for whoever writes one.

`files` finds the model in what the storage gave, `options` and `devices` read what a
service set, `outputs` what a request asks for. `tensors` goes between numpy and the V2
protocol, `tables` makes rows of tensors, `warm_up` finds a first request: these three
need numpy, which whatever serves a model has; the others need nothing.
"""
