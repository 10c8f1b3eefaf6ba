"""The huggingface runtime of Inferry."""
