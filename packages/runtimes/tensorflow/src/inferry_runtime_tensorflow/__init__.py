"""The tensorflow runtime of Inferry."""
