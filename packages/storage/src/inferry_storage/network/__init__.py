"""Where connections may go: addresses are checked before any is made."""
