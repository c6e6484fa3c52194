"""Decisions during and after a write: what to send, how long to wait, which conditions follow."""
