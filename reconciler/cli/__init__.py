"""Flags, variables and a file become settings, one call, and an exit code."""
