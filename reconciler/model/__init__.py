"""Nouns: frozen values that the floors above pass to each other."""
