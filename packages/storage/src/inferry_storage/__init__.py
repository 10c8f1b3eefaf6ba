"""The fetch engine of Inferry and its storage backends."""
