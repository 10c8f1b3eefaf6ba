"""Who may ask: API keys and signed tokens, in front of every protocol."""
