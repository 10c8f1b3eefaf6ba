"""The folder that downloads are kept in, shared by all processes of a user."""
