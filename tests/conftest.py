"""How hypothesis runs everywhere: no deadline, since the cores are shared, and a blob that replays a failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")
