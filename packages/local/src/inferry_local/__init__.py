"""The local backend of Inferry: Ray Serve on a laptop, behind one local endpoint."""
