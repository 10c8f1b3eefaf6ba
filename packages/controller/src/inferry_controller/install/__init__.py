"""What an install consists of: CRDs, rights, the controller; one source for all."""
