"""The only place where decisions meet I/O."""
