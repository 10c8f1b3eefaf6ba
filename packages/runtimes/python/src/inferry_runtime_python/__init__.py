"""The python runtime of Inferry."""
