"""What models of Hugging Face do, a module for each task."""
