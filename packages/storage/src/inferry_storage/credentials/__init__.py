"""What opens a store: one ladder, the same on a laptop and in a pod."""
