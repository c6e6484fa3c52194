"""What a sound domain, certificate or metadata file is, and how to describe a problem with one."""
