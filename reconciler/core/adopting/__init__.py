"""What is live becomes manifests: inventory, names, texts, starter files."""
