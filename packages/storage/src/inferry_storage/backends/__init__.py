"""The storage backends of this package, a module each; none touches the file system."""
