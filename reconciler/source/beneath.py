"""Opens files below one folder by descriptors, so that a folder swapped for a link meanwhile leads nowhere."""

from __future__ import annotations

import os

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Swapped(Exception):
    """A folder that was there a moment ago is something else now."""


class Beneath:
    """The folder, and the one below it that was opened last: files come folder by folder."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._path = ""
        self._folder: int | None = None

    def look(self, path: str) -> os.stat_result:
        """What a path is, whose links are resolved already. Raises OSError, or Swapped."""
        folder, name = self._opened(path)
        return os.stat(name, dir_fd=folder, follow_symlinks=False)

    def open(self, path: str) -> int:
        """A descriptor of the file; a pipe's other end is not waited for. Raises OSError, or Swapped."""
        folder, name = self._opened(path)
        return os.open(name, _FILE, dir_fd=folder)

    def close(self) -> None:
        """Lets go of the folder."""
        if self._folder is not None:
            os.close(self._folder)
        self._folder = None

    def _opened(self, path: str) -> tuple[int, str]:
        above, _, name = path.rpartition("/")
        if self._folder is None or above != self._path:
            self.close()
            self._folder, self._path = _descend(self._root, above[len(self._root) :].strip("/")), above
        return self._folder, name


def _descend(root: str, below: str) -> int:
    """A descriptor of a folder, reached step by step from the root, through no link."""
    handle = os.open(root, _FOLDER)
    try:
        for step in below.split("/") if below else ():
            inner = os.open(step, _FOLDER, dir_fd=handle)
            os.close(handle)
            handle = inner
    except NotADirectoryError:
        os.close(handle)
        raise Swapped from None
    except OSError:
        os.close(handle)
        raise
    return handle
