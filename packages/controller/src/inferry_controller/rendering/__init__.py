"""From a plan to the objects that a cluster gets; pure."""
