"""The sklearn runtime of Inferry."""
