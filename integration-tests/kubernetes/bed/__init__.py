"""A real Kubernetes cluster on this machine that begins and ends with a test run."""
