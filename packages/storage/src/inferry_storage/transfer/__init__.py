"""From a snapshot's entries to files in a folder: bounded, checked, resumed."""
