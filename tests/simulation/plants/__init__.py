"""Mistakes that a reconciler could make, planted one at a time; the product has no switch for any of them."""
