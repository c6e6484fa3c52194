"""How tests run everywhere: hypothesis without a deadline on shared cores, coverage where it is judged."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("project", deadline=None, print_blob=True)
settings.load_profile("project")

# What runs in the background may have been started deaf to Ctrl-C, and everything that it starts would be, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
# A configuration that the group can write is refused, and some machines make every file so.
os.umask(0o022)

HERE = Path(__file__).parent
MEASURED = {"core", "model"}  # whose own tests have to cover them whole; the others would only run slower


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.relative_to(HERE).parts[0] not in MEASURED:
            item.add_marker(pytest.mark.no_cover)
