"""Turns flags, variables and the configuration file into settings; nothing else knows where they came from.

Where the API is and which key is used come together from one place, and never from the manifests or from a
file that merely lies in the working directory: a pull request must not be able to send the key elsewhere.
"""

from __future__ import annotations

import difflib
import math
import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from reconciler.api.keys import check_proxied, parse_proxy
from reconciler.cli.credentials import Told, credentials, read_token
from reconciler.cli.output import note
from reconciler.cli.trust import KEY_EXPOSED, check_authority, check_place, check_protected, check_writers
from reconciler.core.planning.guard import GUARDS
from reconciler.model.errors import UsageError
from reconciler.model.settings import (
    NOTHING_PROTECTED,
    STRICT,
    Access,
    ApiSettings,
    DaemonSettings,
    DomainRules,
    EnvironmentSettings,
    ObservedFile,
    Protected,
    Selection,
)

S = TypeVar("S", bound=Struct)
MAX_FILE_BYTES = 1024 * 1024
MAX_DURATION_S = 366 * 86400.0
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)(ms|s|m|h)", re.ASCII)
_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_ENVIRONMENT_ID = re.compile(r"env_[0-9a-z]{25}")


class Deliver(Struct, frozen=True, forbid_unknown_fields=True):
    """Where secrets go; `to` is "directory"."""

    to: str
    path: str


FileLimits = msgspec.defstruct(
    "FileLimits",
    [(guard.limit, guard.unit.type, guard.default) for guard in GUARDS],
    forbid_unknown_fields=True,
)


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """One environment of the configuration file."""

    manifests: str
    api_url: str | None = None
    api_key_file: str | None = None
    allow_http: bool = False
    environment_id: str | None = None
    mode: str = "apply"
    deliver: Deliver | None = None
    limits: dict[str, Any] = {}  # as FileLimits has it
    domains: DomainRules = STRICT
    protected: Protected = NOTHING_PROTECTED
    ca_file: str | None = None
    proxy: str | None = None


class Daemon(Struct, frozen=True, forbid_unknown_fields=True):
    """The loop's settings in the configuration file."""

    resync: str = "10m"
    max_requests_per_second: float | None = None
    listen: str = "127.0.0.1:8080"
    hosts: frozenset[str] = frozenset()
    token_file: str | None = None


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """The whole configuration file; its sections are checked later."""

    environments: dict[str, dict[str, Any]] = {}
    daemon: Daemon = Daemon()


class Configuration(Struct, frozen=True):
    """The checked file, and the folder that its relative paths start from."""

    environments: dict[str, Section] = {}
    daemon: Daemon = Daemon()
    base: Path = Path()


class Flags(Struct, frozen=True):
    """The flags of a command line; None where a flag was not given."""

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
    observed: str | None = None
    max_age: str | None = None


class Chosen(Struct, frozen=True):
    """The environment of a command, before its key and address are read."""

    name: str | None
    section: Section
    folder: str


def environments(flags: Flags) -> tuple[EnvironmentSettings, ...]:
    """Every environment of the flags and the file; raises UsageError or CredentialsError."""
    file = _file(flags)
    return tuple(_settings(each, flags, file) for each in _chosen(flags, file))


def every_folder(flags: Flags) -> list[Chosen]:
    """Every environment, before any key is read; raises UsageError."""
    return _chosen(flags, _file(flags))


def writable_environment(flags: Flags) -> EnvironmentSettings:
    """The only environment; raises UsageError if several could be meant, or its mode is plan."""
    found = one_environment(flags)
    if not found.apply:
        raise UsageError(
            'this environment is in plan-only mode (mode = "plan"): nothing is written to it',
            'Use `plan`, or set mode = "apply" in the configuration file.',
        )
    return found


def one_environment(flags: Flags) -> EnvironmentSettings:
    """The only environment; raises UsageError if several could be meant."""
    found = _settings(one_folder(flags), flags, _file(flags))
    if found.api and found.api.key_exposed:
        note(KEY_EXPOSED)
    return found


def one_folder(flags: Flags) -> Chosen:
    """The same, before its key and address are read."""
    found = _chosen(flags, _file(flags))
    if len(found) > 1:
        names = ", ".join(each.name or "" for each in found)
        raise UsageError(f"the configuration has several environments: {names}", "Choose one with --environment.")
    return found[0]


def _file(flags: Flags) -> Configuration:
    return read_file(flags.config) if flags.config else Configuration()


def _chosen(flags: Flags, file: Configuration) -> list[Chosen]:
    if not file.environments:
        if flags.folder is None:
            raise UsageError(
                "no folder was named",
                "Name one, like manifests/production, or a configuration file that does, with --config.",
            )
        return [Chosen(flags.environment, Section(manifests=flags.folder), flags.folder)]
    names = [flags.environment] if flags.environment else list(file.environments)
    unknown = [name for name in names if name not in file.environments]
    if unknown:
        raise UsageError(
            f"{flags.config} has no environment {unknown[0]!r}", f"It has: {', '.join(file.environments)}."
        )
    if flags.folder is not None and len(names) > 1:
        raise UsageError(
            f"{flags.folder} is one folder, and the configuration has several environments: {', '.join(names)}",
            "Choose one with --environment, or leave the folder out.",
        )
    _check_targets(
        {
            name: _deliver_path(flags if name in names else Flags(), file, each)
            for name, each in file.environments.items()
        }
    )
    sections = [(name, file.environments[name]) for name in names]
    chosen = [
        Chosen(name, section, flags.folder or str(file.base / section.manifests)) for name, section in sections
    ]
    for each in chosen:
        check_place(flags.config or "", each.folder)
    return chosen


def _deliver_path(flags: Flags, file: Configuration, section: Section) -> str | None:
    return flags.deliver or (str(file.base / section.deliver.path) if section.deliver else None)


def _check_targets(paths: dict[str, str | None]) -> None:
    """UsageError where two environments would deliver to one folder: one handle can mean two customers."""
    owners: dict[str, str] = {}
    for name, path in paths.items():
        other = owners.setdefault(os.path.realpath(path), name) if path else name
        if other != name:
            raise UsageError(
                f"the environments {other} and {name} deliver to the same folder, {path}",
                "Give each environment its own folder.",
            )


def daemon(flags: Flags) -> DaemonSettings:
    """The loop's settings."""
    file = _file(flags)
    told = file.daemon
    token = read_token(str(file.base / told.token_file)) if told.token_file else None
    return DaemonSettings(seconds(told.resync), told.listen, Access(told.hosts, token))


def seconds(text: str) -> float:
    """`10m`, `30s`, `20ms`, `1h` in seconds."""
    found = _DURATION.fullmatch(text.strip())
    length_s = float(found[1]) * _UNITS_S[found[2]] if found else math.inf
    if length_s > MAX_DURATION_S:
        raise UsageError(f"{text!r} is not a duration", "Write it like 20ms, 30s, 10m or 1h, up to a year.")
    return length_s


# -- the file --------------------------------------------------------------------------------------


def read_file(path: str) -> Configuration:
    """Reads the configuration file; raises UsageError, which names what is wrong in it."""
    try:
        with Path(path).open("rb") as opened:
            check_writers(path, os.fstat(opened.fileno()))
            data = opened.read(MAX_FILE_BYTES + 1)
        document = tomllib.loads(data.decode())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", "Name a readable file with --config.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} is not TOML: {error}", "Correct it; https://toml.io explains the form."
        ) from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deep", "Sections are two levels deep at most.") from None
    if len(data) > MAX_FILE_BYTES:
        raise UsageError(f"{path} has more than {MAX_FILE_BYTES:,} bytes", "Is it the right file?")
    if not all(text.isprintable() for text in _texts(document)):
        raise UsageError(f"{path} has control characters in a text", "Names and paths have none.")
    file = _converted(document, File, path)
    sections = {
        name: _section(section, f"{path}: environments.{name}") for name, section in file.environments.items()
    }
    return Configuration(sections, file.daemon, Path(path).parent)


def _section(document: dict[str, Any], place: str) -> Section:
    section = _converted(document, Section, place)
    _converted(section.limits, FileLimits, f"{place}.limits")
    return section


def _converted(document: Any, kind: type[S], place: str) -> S:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise UsageError(f"{place}: {error}", _near(str(error))) from None


def _texts(document: Any) -> Iterator[str]:
    if isinstance(document, str):
        yield document
    elif isinstance(document, dict):
        for key, value in document.items():
            yield key
            yield from _texts(value)
    elif isinstance(document, list):
        for value in document:
            yield from _texts(value)


KINDS = (File, Section, Daemon, FileLimits, Deliver, DomainRules, Protected)


def _near(message: str) -> str:
    found = re.search(r"unknown field `([^`]+)`", message)
    known = {name for kind in KINDS for name in kind.__struct_fields__}
    near = difflib.get_close_matches(found[1], sorted(known), n=1) if found else []
    return f"Did you mean `{near[0]}`?" if near else "Correct it; the documentation has an example."


# -- one environment -------------------------------------------------------------------------------


def _settings(chosen: Chosen, flags: Flags, file: Configuration) -> EnvironmentSettings:
    section = chosen.section
    _check(section)
    return EnvironmentSettings(
        name=chosen.name,
        manifests=chosen.folder,
        api=_api(section, flags, file),
        environment_id=section.environment_id,
        apply=section.mode == "apply",
        deliver_path=_deliver_path(flags, file, section),
        deliver_to=section.deliver.to if section.deliver and not flags.deliver else "directory",
        limits={each.name: section.limits[each.limit] for each in GUARDS if each.limit in section.limits},
        domains=section.domains,
        protected=section.protected,
        selection=Selection(frozenset(flags.target), tuple(pair(text, "selector") for text in flags.selector)),
        allow_empty=flags.allow_empty,
        approve=flags.approve,
        settle_s=flags.settle_s,
        observed=_observed(flags),
    )


def _observed(flags: Flags) -> ObservedFile | None:
    max_age_s = seconds(flags.max_age) if flags.max_age is not None else None
    if flags.observed is not None:
        return ObservedFile(flags.observed, max_age_s)
    if max_age_s is not None:
        raise UsageError("--max-age has no meaning without --observed", "Name the file with --observed.")
    return None


def _check(section: Section) -> None:
    if section.mode not in {"apply", "plan"}:
        raise UsageError(f"mode is {section.mode!r}", 'It is "apply" or "plan".')
    from reconciler.delivery.targets import TARGETS  # noqa: PLC0415 nothing else here needs what delivers

    if section.deliver and section.deliver.to not in TARGETS:
        known = ", ".join(f'to = "{name}"' for name in TARGETS)
        raise UsageError(f"secrets cannot be delivered to {section.deliver.to!r}", f"Known here: {known}.")
    if section.environment_id is not None and not _ENVIRONMENT_ID.fullmatch(section.environment_id):
        raise UsageError(
            f"environment_id is {section.environment_id!r}", "It is `env_` and 25 letters and digits, or left out."
        )
    check_protected(section.protected)
    for guard in GUARDS:
        bound = section.limits.get(guard.limit, guard.default)
        if not guard.unit.fits(bound):
            raise UsageError(f"{guard.limit} is {bound}", f"It is {guard.unit.words}.")


def pair(text: str, what: str) -> tuple[str, str]:
    """`tier=enterprise` in its parts; raises UsageError, which says that it is no such `what`."""
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(f"{text!r} is not a {what}", "Write it like tier=enterprise.")
    return key, value


def _api(section: Section, flags: Flags, file: Configuration) -> ApiSettings | None:
    found = credentials(
        Told(flags.api_url, flags.api_key_file),
        Told(section.api_url, section.api_key_file, file.base),
        allow_http=section.allow_http,
    )
    if found is None:
        return None
    ca_file = flags.ca_file or (str(file.base / section.ca_file) if section.ca_file else None)
    proxy = flags.proxy or section.proxy
    rate = file.daemon.max_requests_per_second
    if rate is not None and not 0.1 <= rate < math.inf:
        raise UsageError(f"max_requests_per_second is {rate}", "It is a number from 0.1.")
    if ca_file:
        check_authority(ca_file)
    if proxy:
        check_proxied(found.url, parse_proxy(proxy))
    return ApiSettings(
        url=found.url,
        key=found.key,
        key_exposed=found.exposed,
        ca_file=ca_file,
        proxy=parse_proxy(proxy) if proxy else None,
        concurrency=flags.concurrency,
        max_requests_per_second=flags.max_requests_per_second or rate,
    )
