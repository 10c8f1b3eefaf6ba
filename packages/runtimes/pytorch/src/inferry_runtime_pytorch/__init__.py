"""The pytorch runtime of Inferry."""
