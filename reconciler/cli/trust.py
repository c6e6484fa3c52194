"""Decides whether a file of the process may be believed: one that a pull request or a neighbour can write may not.

Whoever writes the configuration decides where the key goes, whoever reads the key's file has it.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from reconciler.model.errors import UsageError
from reconciler.model.settings import Protected
from reconciler.source.revision import work_tree

_ORGANIZATION_ID = re.compile(r"org_[0-9a-z]{25}")
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_READABLE_BY_ALL = stat.S_IROTH
KEY_EXPOSED = "every user of this machine can read the API key's file: take that right away, with `chmod o-r`"


def check_writers(path: str, seen: os.stat_result) -> None:
    """UsageError where somebody else than this user, or root, can write an open configuration file."""
    if seen.st_uid not in {os.geteuid(), 0} or seen.st_mode & _WRITABLE_BY_OTHERS:
        raise UsageError(
            f"{path} belongs to somebody else, or others may write to it: they could send the API key elsewhere",
            f"Make it yours alone to write: chown it to this user or root, and `chmod go-w {path}`.",
        )


def check_place(path: str, folder: str) -> None:
    """UsageError where a configuration file lies in its manifests' work tree, also as a link or behind one."""
    written = Path(path).absolute()
    real = Path(os.path.realpath(path))
    named = Path(os.path.realpath(written.parent)) / written.name
    root = Path(os.path.realpath(folder))
    tree = work_tree(str(root)) or root
    if any(each.is_relative_to(place) for each in (named, real) for place in (tree, root)):
        raise UsageError(
            f"{path} lies in the work tree of the manifests ({tree}): a pull request could change it",
            "Keep it outside, and give the full path of the folder in `manifests`.",
        )


def readable_by_all(seen: os.stat_result) -> bool:
    """Whether every user of the machine can read an open file."""
    return stat.S_ISREG(seen.st_mode) and bool(seen.st_mode & _READABLE_BY_ALL)


def check_authority(path: str) -> None:
    """UsageError where a file holds no certificates that could vouch for a server."""
    import ssl  # noqa: PLC0415 needed only where a server has an authority of its own

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cafile=path)
    except ssl.SSLError:
        raise UsageError(
            f"{path} holds no certificates", "Name a file of PEM certificates with --ca-file."
        ) from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "Name another with --ca-file.") from None


def check_protected(protected: Protected) -> None:
    """UsageError for what would protect nothing, such as a domain with capitals."""
    wrong = sorted(each for each in protected.organizations if not _ORGANIZATION_ID.fullmatch(each))
    if wrong:
        raise UsageError(f"{wrong[0]!r} cannot be protected", "It is `org_` and 25 letters and digits.")
    for each in sorted(protected.domains):
        from reconciler.core.values import domain  # noqa: PLC0415 the public suffixes, seldom needed here

        fault = domain.check(each, forbid_public_mail=False)
        if fault:
            raise UsageError(f"{each!r} cannot be protected: {fault.message}", fault.hint)
