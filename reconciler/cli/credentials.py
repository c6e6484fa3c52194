"""Decides where the API is and which key is used: both from one place, so that no key goes to another's address.

The flags, a section of the configuration file, or the environment's variables; never the manifests.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from reconciler.api.keys import EXAMPLE_URL, parse_key, parse_url
from reconciler.cli.trust import readable_by_all
from reconciler.model.errors import CredentialsError, UsageError
from reconciler.model.secret import Secret

MAX_KEY_BYTES = 4096
URL_VARIABLES = ("RECONCILER_API_URL", "SSOREADY_API_URL")
KEY, KEY_FILES = "SSOREADY_API_KEY", ("RECONCILER_API_KEY_FILE", "SSOREADY_API_KEY_FILE")
_BOTH = "Address and key come from one place: give both --api-url and --api-key-file, or neither."
_TOKEN = re.compile(r"[!-~]{16,200}")
_NOWHERE = "an API key is given, but not the address that it is for"


class Told(Struct, frozen=True):
    """What one place says about address and key; `base` is the folder that its relative paths are in."""

    url: str | None = None
    key_file: str | None = None
    base: Path = Path()


class _Key(Struct, frozen=True):
    """A key, and whether everybody can read the file that it came from."""

    key: Secret
    exposed: bool = False


class Credentials(Struct, frozen=True):
    """An address and the key that belongs to it."""

    url: str
    key: Secret
    exposed: bool = False  # everybody on this machine can read the key's file


def credentials(flags: Told, section: Told, *, allow_http: bool) -> Credentials | None:
    """Flags before the file's section before the variables; None if none of them has a key.

    Raises UsageError where two places would be mixed, CredentialsError for a key that cannot be used.
    """
    url, found = _chosen(flags, section)
    return None if found is None else Credentials(parse_url(url, allow_http=allow_http), found.key, found.exposed)


def _chosen(flags: Told, section: Told) -> tuple[str, _Key | None]:
    if flags.url and flags.key_file:
        return flags.url, _key_file(flags)
    if section.url or section.key_file:
        if flags.url or flags.key_file:
            raise UsageError("the configuration file names the API already", _BOTH)
        if not section.key_file:
            raise CredentialsError(
                "the configuration file has `api_url`, but no `api_key_file` beside it",
                "Add it: a file that names one of them gives both.",
            )
        if not section.url:
            raise UsageError(
                "the configuration file has `api_key_file`, but no `api_url` beside it",
                f'Add it, like api_url = "{EXAMPLE_URL}": a key goes only where somebody wrote that it goes.',
            )
        return section.url, _key_file(section)
    variable = _url_variable(os.environ)
    if flags.key_file:
        if variable:
            raise UsageError("--api-key-file is given, and a variable has an address", _BOTH)
        raise UsageError(_NOWHERE, f"Add --api-url, like --api-url {EXAMPLE_URL}; there is no default.")
    if flags.url and variable not in {None, flags.url}:
        raise UsageError("the key of the variables belongs to their address, and --api-url is another", _BOTH)
    key = _key_variable(os.environ)
    url = flags.url or variable
    if key is not None and not url:
        raise UsageError(
            _NOWHERE, f"Set SSOREADY_API_URL or --api-url to it, like {EXAMPLE_URL}; there is no default."
        )
    return url or "", key


def _url_variable(variables: Mapping[str, str]) -> str | None:
    """The address in the variables, None if none is set; raises UsageError if it is empty or ambiguous."""
    found = {name: variables[name] for name in URL_VARIABLES if name in variables}
    empty = [name for name, url in found.items() if not url]
    if empty:
        raise UsageError(f"{empty[0]} is set, but empty", "Unset it, or give it the API's address.")
    if len(set(found.values())) > 1:
        raise UsageError(f"{' and '.join(found)} have different addresses", "Unset one of them.")
    return next(iter(found.values()), None)


def _key_variable(variables: Mapping[str, str]) -> _Key | None:
    found = [name for name in (KEY, *KEY_FILES) if name in variables]
    if len(found) > 1:
        raise CredentialsError(
            f"{' and '.join(found)} are set", "Unset all but one, so that it is clear which counts."
        )
    if not found:
        return None
    if found[0] == KEY:
        return _Key(parse_key(variables[KEY]))
    return _key_file(Told(key_file=variables[found[0]]))


def read_token(path: str) -> Secret:
    """The bearer token of the endpoints, from its file; raises CredentialsError."""
    try:
        with Path(path).open("rb") as file:
            token = file.read(MAX_KEY_BYTES).decode("latin-1").strip()
    except OSError as error:
        raise CredentialsError(f"cannot read the token's file {path}: {error.strerror}", "Name another.") from None
    if not _TOKEN.fullmatch(token):
        raise CredentialsError(
            f"{path} holds no bearer token", "It is 16 to 200 visible characters, and nothing else."
        )
    return Secret(token)


def _key_file(told: Told) -> _Key:
    if "ssoready_" in (told.key_file or ""):
        raise CredentialsError(
            "where a key file's name is expected stands something like a key",
            "Put the key into a file and name that, or set SSOREADY_API_KEY.",
        )
    path = told.base / (told.key_file or "")
    try:
        data, exposed = _bytes(path)
    except OSError as error:
        raise CredentialsError(
            f"cannot read the key file {path}: {error.strerror}", "Name a readable file that holds the key alone."
        ) from None
    return _Key(parse_key(data.decode("latin-1")), exposed)


def _bytes(path: Path) -> tuple[bytes, bool]:
    """The start of a regular file, and whether everybody can read it.

    A pipe would wait for a writer, for ever in a daemon, which reads it again.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        seen = os.fstat(handle)
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return os.read(handle, MAX_KEY_BYTES), readable_by_all(seen)
    finally:
        os.close(handle)
