"""Documents become Desired: every check that needs no network."""
