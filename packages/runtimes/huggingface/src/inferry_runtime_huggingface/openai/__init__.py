"""OpenAI's API in front of an engine and of embeddings."""
