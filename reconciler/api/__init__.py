"""The outside world 2: the Management API over HTTP."""
