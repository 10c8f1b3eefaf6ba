"""The triton runtime of Inferry."""
