"""The lightgbm runtime of Inferry."""
