"""Text generation: one small interface, and the engines behind it."""
