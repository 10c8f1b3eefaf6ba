"""The paddle runtime of Inferry."""
