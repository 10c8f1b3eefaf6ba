"""From the objects of a cluster to what a service is told about itself; pure."""
