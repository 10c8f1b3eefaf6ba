"""Compliance kits for plugin authors: subclass one class, set one attribute, run pytest."""
