"""Decisions at and after a write: what to send, how long to wait, what stands true afterwards."""
