"""A small controller runtime: cached lists and watches, a queue, leases, events.

Import from the modules: `client` and `kinds` talk to an API server, `store` and
`reflector` keep what it has, `queue` and `workers` reconcile, `election`, `recorder`,
`metrics` and `health` are what a process needs beside, `manager` runs all of it.
"""
