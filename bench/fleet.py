"""The customers that everything is measured on: one connection and one directory each, the same ones each time."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from reconciler.emulator.seed import certificate

ENVIRONMENT_ID = "env_" + "1" * 25
KEY = "ssoready_sk_" + "1" * 25  # opens nothing: the stand-in looks at no key
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"

_ENVIRONMENT = """\
apiVersion: reconciler/v1
kind: Environment
metadata: {name: production}
spec:
  domains: {forbidShared: true, forbidPublicMail: true}
  certificates: {warnDays: 30}
"""

# 35 lines and about 1.1 KB, as real ones have.
_MANIFEST = """\
apiVersion: reconciler/v1
kind: Organization
metadata:
  name: %(name)s
  labels:
    tier: enterprise
    region: north
  annotations:
    team: identity
spec:
  externalId: "%(external_id)s"
  displayName: %(display_name)s
  domains:
    - %(domain)s
    - mail.%(domain)s
  samlConnections:
    - name: okta
      primary: true
      idp:
        entityId: %(entity_id)s
        redirectUrl: %(redirect_url)s
        certificate:
          pem: |
%(indented)s
  scimDirectories:
    - name: okta
      primary: true
"""


class Tenant(Struct, frozen=True):
    """One customer."""

    name: str
    external_id: str
    display_name: str
    domain: str
    entity_id: str
    redirect_url: str
    pem: str

    @property
    def domains(self) -> list[str]:
        """As the API gives them back: sorted."""
        return sorted([self.domain, f"mail.{self.domain}"])


def tenants(count: int) -> tuple[Tenant, ...]:
    """The first `count` customers, each with a certificate of its own."""
    return tuple(_tenant(number) for number in range(count))


def _tenant(number: int) -> Tenant:
    slug = f"customer-{number:05d}"
    return Tenant(
        name=slug,
        external_id=str(100_000 + number),
        display_name=f"Customer Number {number:,}",
        domain=f"{slug}.example",
        entity_id=f"http://idp.{slug}.example/exk{number}",
        redirect_url=f"https://idp.{slug}.example/app/exk{number}/sso/saml",
        pem=certificate(random.Random(number), slug),
    )


def save(fleet: Sequence[Tenant], path: Path) -> None:
    """For another process."""
    path.write_bytes(msgspec.json.encode(fleet))


def saved(path: Path) -> tuple[Tenant, ...]:
    """What `save` wrote."""
    return msgspec.json.decode(path.read_bytes(), type=tuple[Tenant, ...])


def write_manifests(fleet: Iterable[Tenant], folder: Path) -> Path:
    """A folder with an Environment and one file for each customer."""
    folder.mkdir(parents=True)
    (folder / "environment.yaml").write_text(_ENVIRONMENT)
    for tenant in fleet:
        (folder / f"{tenant.name}.yaml").write_text(manifest(tenant))
    return folder


def manifest(tenant: Tenant) -> str:
    """One customer as YAML."""
    lines = "\n".join(" " * 12 + line for line in tenant.pem.splitlines())
    return _MANIFEST % (msgspec.structs.asdict(tenant) | {"indented": lines})


def ids(prefix: str, count: int, rng: random.Random) -> list[str]:
    """Ids as the server makes them: random 128-bit numbers in base 36, here in order."""
    return sorted(prefix + base36(rng.getrandbits(128)) for _ in range(count))


def base36(number: int) -> str:
    """25 digits, so that texts sort like the numbers."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits.rjust(25, "0")
