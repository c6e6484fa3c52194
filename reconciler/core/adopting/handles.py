"""Names for what is live: of manifests and their files, unique and safe on every file system, and of children."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

from reconciler.core.values.redaction import masked
from reconciler.model.state import Organization, SAMLConnection, SCIMDirectory

_MAX_SLUG = 48  # leaves room for a number, and for the children's names in a certificate's
# names of devices, which Windows keeps for itself, and of our own file
_RESERVED = {"con", "prn", "aux", "nul", "environment"} | {
    f"{device}{number}" for device in ("com", "lpt") for number in range(10)
}
# what stands in the entity ids and addresses of each identity provider; the first that fits
_PROVIDERS = (
    ("okta", ("okta.", "oktapreview.", "okta-emea.")),
    ("entra", ("sts.windows.net", "microsoftonline.", "microsoftonline-p.")),
    ("google", ("accounts.google.com",)),
    ("onelogin", ("onelogin.com",)),
    ("jumpcloud", ("jumpcloud.com",)),
    ("ping", ("pingone.", "pingidentity.", "pingfed")),
    ("auth0", ("auth0.com", "urn:auth0:")),
    ("duo", ("duosecurity.com",)),
    ("keycloak", ("/realms/",)),
    ("adfs", ("/adfs/",)),
    ("shibboleth", ("/idp/shibboleth", "/idp/profile/saml2")),
)


def slug(text: str) -> str:
    """A handle made of a text's letters and digits, without accents; "" if it has none that can be kept."""
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain)[: _MAX_SLUG + 1].strip("-")[:_MAX_SLUG].rstrip("-")


class Handles:
    """Gives each organization a handle that no other has, whatever case a file system keeps."""

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = _RESERVED | {name.lower() for name in taken}

    def of(self, live: Organization) -> str:
        """From its display name, else its external id, a domain, or its id; with a number if that is taken."""
        names = (live.display_name, live.external_id, *live.domains[:1])
        return self._free(next(filter(None, (slug(masked(name)) for name in names)), f"org-{live.id[-8:]}"))

    def _free(self, wanted: str) -> str:
        found = _numbered(wanted, self._taken)
        self._taken.add(found)
        return found


def of_connections(live: Sequence[SAMLConnection]) -> list[str]:
    """Each after its identity provider where that can be told."""
    taken: set[str] = set()
    return [_next(provider(each) or "saml", taken, numbered=provider(each) is None) for each in live]


def of_directories(live: Sequence[SCIMDirectory], connections: Sequence[SAMLConnection]) -> list[str]:
    """After the provider that all of the organization's connections have, if there is one."""
    providers = {provider(each) for each in connections}
    only = providers.pop() if len(providers) == 1 else None
    taken: set[str] = set()
    return [_next(only or "scim", taken, numbered=only is None) for _ in live]


def provider(connection: SAMLConnection) -> str | None:
    """Whose identity provider a connection leads to."""
    told = f"{connection.idp_entity_id} {connection.idp_redirect_url}".lower()
    return next((name for name, signs in _PROVIDERS if any(sign in told for sign in signs)), None)


def _next(wanted: str, taken: set[str], *, numbered: bool) -> str:
    found = _numbered(wanted, {*taken, wanted} if numbered else taken, first=1 if numbered else 2)
    taken.add(found)
    return found


def _numbered(wanted: str, taken: set[str], first: int = 2) -> str:
    """The name itself, or with the first number that is free."""
    number, found = first, wanted
    while found in taken:
        found, number = f"{wanted}-{number}", number + 1
    return found
