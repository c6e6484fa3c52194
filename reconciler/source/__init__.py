"""The outside world 1: the manifest repository."""
