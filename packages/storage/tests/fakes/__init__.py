"""Servers that speak as real ones do, for the faults that real ones seldom show."""
