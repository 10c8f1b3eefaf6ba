"""The kinds that Inferry reads: parse, default, validate."""
