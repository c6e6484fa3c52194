"""The process's settings, made by the command line from flags, variables and the configuration file."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from reconciler.model.secret import Secret

Limits = Mapping[str, float]  # bounds by the name of their guard; one that is not stated has its default


class Selection(Struct, frozen=True):
    """Which organizations a command is about; all of them if both are empty. `only` narrows it down to these."""

    targets: frozenset[str] = frozenset()
    selector: tuple[tuple[str, str], ...] = ()
    only: frozenset[str] | None = None

    @property
    def everything(self) -> bool:
        """Whether it selects every organization."""
        return not self.targets and not self.selector and self.only is None


class ApiSettings(Struct, frozen=True):
    """Where the Management API is and how to talk to it; `key_exposed`: everybody here can read the key's file.

    `timeout_s` limits connecting, each read and each write; `request_timeout_s` a whole request; `max_body_bytes`
    a response; `max_pages` and `max_organizations` the list of organizations; `max_child_pages` a list of one
    organization, whose two fit into its share of a pass; `requests_…` and `bytes_…` a pass: so many, and so many
    more for each organization and each change.
    """

    url: str
    key: Secret
    key_exposed: bool = False
    ca_file: str | None = None
    proxy: str | None = None
    concurrency: int = 24
    max_requests_per_second: float | None = None
    timeout_s: float = 10.0
    request_timeout_s: float = 30.0
    max_body_bytes: int = 8 * 1024 * 1024
    max_pages: int = 100_000
    max_child_pages: int = 40
    max_organizations: int = 100_000
    requests_base: int = 1000
    requests_per_organization: int = 100
    bytes_base: int = 64 * 1024 * 1024
    bytes_per_organization: int = 64 * 1024


class ObservedFile(Struct, frozen=True):
    """A file of `reconciler observe` that is read instead of the API; an older one than `max_age_s` is refused."""

    path: str
    max_age_s: float | None = None


class DomainRules(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a domain may be in two organizations, and whether one of public mail may be in any.

    An Environment can loosen a rule only where the process does.
    """

    forbid_shared: bool = True
    forbid_public_mail: bool = True

    @property
    def loosened(self) -> tuple[str, ...]:
        """The rules that an Environment may loosen, by their names in it."""
        rules = (("forbidShared", self.forbid_shared), ("forbidPublicMail", self.forbid_public_mail))
        return tuple(name for name, strict in rules if not strict)


class Protected(Struct, frozen=True, forbid_unknown_fields=True):
    """What manifests may not write to: organizations by id, and those with one of these domains."""

    organizations: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()


STRICT, NOTHING_PROTECTED = DomainRules(), Protected()


class EnvironmentSettings(Struct, frozen=True):
    """The settings of one environment; `name` is its section in the configuration file, None without one.

    The plan with the digest `approve` is not refused for its size; `only` is the one plan that may be applied.
    """

    name: str | None
    manifests: str
    api: ApiSettings | None
    environment_id: str | None = None
    apply: bool = True
    deliver_path: str | None = None
    deliver_to: str = "directory"
    limits: Limits = {}
    domains: DomainRules = STRICT
    protected: Protected = NOTHING_PROTECTED
    selection: Selection = Selection()
    allow_empty: bool = False
    approve: str | None = None
    only: str | None = None
    settle_s: float = 5.0
    observed: ObservedFile | None = None


class Access(Struct, frozen=True):
    """Who may read the endpoints: by which names of this host, besides its own, and with which token."""

    hosts: frozenset[str] = frozenset()
    token: Secret | None = None


OPEN = Access()


class DaemonSettings(Struct, frozen=True):
    """The daemon's settings; `listen` is HOST:PORT."""

    resync_s: float = 600.0
    listen: str = "127.0.0.1:8080"
    access: Access = OPEN


class LogSettings(Struct, frozen=True):
    """`format` is "json" or "console"; with None it depends on whether stderr is a terminal."""

    format: str | None = None
    level: str = "info"
