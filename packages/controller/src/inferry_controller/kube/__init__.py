"""A small controller runtime: cached lists and watches, a queue, leases, events."""
