"""The {{ name }} runtime for Inferry."""
