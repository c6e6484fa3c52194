"""The outside world 3: where server-issued secrets go."""
