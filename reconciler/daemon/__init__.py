"""When to reconcile, and telling the world."""
