"""What a model may not hold: names, archives, code, another signature."""
