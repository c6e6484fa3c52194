"""Desired and Observed become a Plan."""
