"""Turns flags, variables and the configuration file into settings; nothing else knows where they came from.

Where the API is and which key is used come together from one place, and never from the manifests or from a
file that merely lies in the working directory: a pull request must not be able to send the key elsewhere.
"""

from __future__ import annotations

import difflib
import os
import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from reconciler.api.keys import parse_key, parse_url
from reconciler.model.errors import CredentialsError, UsageError
from reconciler.model.secret import Secret
from reconciler.model.settings import (
    CLOUD_URL,
    DEFAULT_LIMITS,
    ApiSettings,
    DaemonSettings,
    EnvironmentSettings,
    Limits,
    Selection,
)

MAX_KEY_BYTES = 4096
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Deliver(Struct, frozen=True, forbid_unknown_fields=True):
    """Where secrets go; `to` is "directory"."""

    to: str
    path: str


class FileLimits(Struct, frozen=True, forbid_unknown_fields=True):
    """The guards' bounds."""

    max_changed_percent: float | None = DEFAULT_LIMITS.max_changed_percent
    max_creates: int | None = DEFAULT_LIMITS.max_creates


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """One environment of the configuration file."""

    manifests: str
    api_url: str | None = None
    api_key_file: str | None = None
    allow_http: bool = False
    environment_id: str | None = None
    mode: str = "apply"
    deliver: Deliver | None = None
    limits: FileLimits = FileLimits()
    ca_file: str | None = None
    proxy: str | None = None


class Daemon(Struct, frozen=True, forbid_unknown_fields=True):
    """The loop's settings in the configuration file."""

    resync: str = "10m"
    max_requests_per_second: float | None = None
    listen: str = "127.0.0.1:8080"


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration file."""

    environments: dict[str, Section] = {}
    daemon: Daemon = Daemon()


class Flags(Struct, frozen=True):
    """What the command line said; None where it said nothing."""

    folder: str | None = None
    config: str | None = None
    environment: str | None = None
    api_url: str | None = None
    api_key_file: str | None = None
    ca_file: str | None = None
    proxy: str | None = None
    target: tuple[str, ...] = ()
    selector: tuple[str, ...] = ()
    concurrency: int = 24
    max_requests_per_second: float | None = None
    approve: str | None = None
    allow_empty: bool = False
    deliver: str | None = None
    settle_s: float = 5.0


def environments(flags: Flags) -> tuple[EnvironmentSettings, ...]:
    """All that the flags and the file speak of."""
    file = read_file(flags.config) if flags.config else File()
    base = Path(flags.config).parent if flags.config else Path()
    if not file.environments:
        if flags.folder is None:
            raise UsageError("no folder was named", "Name one: `reconciler plan manifests/production`.")
        section = Section(manifests=flags.folder)
        return (_settings(None, section, Path(), flags, file),)
    names = [flags.environment] if flags.environment else list(file.environments)
    unknown = [name for name in names if name not in file.environments]
    if unknown:
        raise UsageError(f"{unknown[0]} is not in {flags.config}", f"It has: {', '.join(file.environments)}.")
    return tuple(_settings(name, file.environments[name], base, flags, file) for name in names)


def one_environment(flags: Flags) -> EnvironmentSettings:
    """The only one; UsageError if several could be meant."""
    found = environments(flags)
    if len(found) > 1:
        names = ", ".join(each.name or "" for each in found)
        raise UsageError(f"the configuration has several environments: {names}", "Choose one with --environment.")
    return found[0]


def daemon(flags: Flags) -> DaemonSettings:
    """The loop's settings."""
    file = read_file(flags.config) if flags.config else File()
    return DaemonSettings(resync_s=seconds(file.daemon.resync), listen=file.daemon.listen)


def seconds(text: str) -> float:
    """`10m`, `30s`, `20ms`, `1h` in seconds."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        raise UsageError(f"{text!r} is not a duration", "Write it like 20ms, 30s, 10m or 1h.")
    return float(found[1]) * _UNITS_S[found[2]]


def read_file(path: str) -> File:
    """The configuration file; UsageError names what is wrong in it."""
    try:
        data = Path(path).read_bytes()
        return msgspec.convert(tomllib.loads(data.decode()), File)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise UsageError(f"{path}: {error}", _near(str(error))) from None


def _near(message: str) -> str:
    found = re.search(r"unknown field `(\w+)`", message)
    known = {name for kind in (File, Section, Daemon, FileLimits, Deliver) for name in kind.__struct_fields__}
    near = difflib.get_close_matches(found[1], sorted(known), n=1) if found else []
    return f"Did you mean `{near[0]}`?" if near else ""


def _settings(name: str | None, section: Section, base: Path, flags: Flags, file: File) -> EnvironmentSettings:
    if section.mode not in {"apply", "plan"}:
        raise UsageError(f"mode is {section.mode!r}", 'It is "apply" or "plan".')
    if section.deliver and section.deliver.to != "directory":
        raise UsageError(f"secrets cannot be delivered to {section.deliver.to!r}", 'Known here: to = "directory".')
    deliver = flags.deliver or (str(base / section.deliver.path) if section.deliver else None)
    return EnvironmentSettings(
        name=name,
        manifests=flags.folder or str(base / section.manifests),
        api=_api(section, base, flags, file),
        environment_id=section.environment_id,
        apply=section.mode == "apply",
        deliver_path=deliver,
        limits=Limits(section.limits.max_changed_percent, section.limits.max_creates),
        selection=Selection(frozenset(flags.target), tuple(_pair(text) for text in flags.selector)),
        allow_empty=flags.allow_empty,
        approve=flags.approve,
        settle_s=flags.settle_s,
    )


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"{text!r} is not a selector", "Write it like tier=enterprise.")
    return key, value


class _Credentials(Struct, frozen=True):
    url: str
    key: Secret


def _api(section: Section, base: Path, flags: Flags, file: File) -> ApiSettings | None:
    found = _credentials(section, base, flags)
    if found is None:
        return None
    return ApiSettings(
        url=found.url,
        key=found.key,
        ca_file=flags.ca_file or section.ca_file,
        proxy=flags.proxy or section.proxy,
        concurrency=flags.concurrency,
        max_requests_per_second=flags.max_requests_per_second or file.daemon.max_requests_per_second,
    )


def _credentials(section: Section, base: Path, flags: Flags) -> _Credentials | None:
    """Address and key, both from the flags, or the file's section, or the variables."""
    if flags.api_url or flags.api_key_file:
        key = _key_file(flags.api_key_file) if flags.api_key_file else _key_of(os.environ)
        url = flags.api_url or (CLOUD_URL if flags.api_key_file else os.environ.get("SSOREADY_API_URL", CLOUD_URL))
    elif section.api_url or section.api_key_file:
        if not section.api_key_file:
            raise CredentialsError("the configuration has `api_url`, but no `api_key_file` beside it")
        key, url = _key_file(str(base / section.api_key_file)), section.api_url or CLOUD_URL
    else:
        key, url = _key_of(os.environ), os.environ.get("SSOREADY_API_URL", CLOUD_URL)
    return None if key is None else _Credentials(parse_url(url, allow_http=section.allow_http), key)


def _key_of(variables: Mapping[str, str]) -> Secret | None:
    if "SSOREADY_API_KEY" in variables:
        return parse_key(variables["SSOREADY_API_KEY"])
    if "SSOREADY_API_KEY_FILE" in variables:
        return _key_file(variables["SSOREADY_API_KEY_FILE"])
    return None


def _key_file(path: str) -> Secret:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise CredentialsError(f"cannot read the key file {path}: {error.strerror}") from None
    return parse_key(data.decode("latin-1"))


def is_terminal() -> bool:
    """Whether a person can be asked."""
    stream: Any = sys.stdin
    return bool(stream and stream.isatty() and sys.stderr.isatty())
