"""Models in folders of a web server, for Inferry."""
