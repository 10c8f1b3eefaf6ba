"""What makes the objects of every service what its document says."""
