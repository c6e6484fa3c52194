"""Says what is in every live organization and which manifest claims it, and finds one by any of its names."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.planning.match import match_organizations
from reconciler.core.values import domain
from reconciler.core.values.certificate import describe
from reconciler.model.inventory import Inventory, Listed
from reconciler.model.state import (
    Desired,
    DesiredOrganization,
    InvalidOrganization,
    Observed,
    ObservedOrganization,
    Organization,
    SAMLConnection,
    SCIMDirectory,
    Unreadable,
)


def inventory(observed: Observed, desired: Desired | None) -> Inventory:
    """Everything live; an organization that a broken manifest names is claimed too."""
    claims = claimed(observed, desired) if desired else {}
    return Inventory(
        environment_id=observed.environment_id,
        organizations=tuple(_listed(live, claims.get(live.organization.id)) for live in observed.organizations),
        manifests_known=desired is not None,
    )


def claimed(observed: Observed, desired: Desired) -> dict[str, str]:
    """The handle that claims each live organization, by its id; of several, the first."""
    match = match_organizations(desired, observed)
    unclaimed = {live.organization.id for live in match.unclaimed}
    found = {live.organization.id: handle for handle, live in match.found.items()}
    keys: dict[str, str] = {}
    every: list[DesiredOrganization | InvalidOrganization] = [*desired.organizations, *desired.invalid]
    for wanted in every:
        for key in filter(None, (wanted.id, wanted.external_id)):
            keys.setdefault(key, wanted.name or str(wanted.origin))
    for live in observed.organizations:
        id_, external_id = live.organization.id, live.organization.external_id
        if id_ not in unclaimed and id_ not in found:
            found[id_] = keys.get(id_) or keys.get(external_id) or ""
    return found


def _listed(live: ObservedOrganization, manifest: str | None) -> Listed:
    children = [each for kind in live.collections.values() if not isinstance(kind, Unreadable) for each in kind]
    connections = tuple(each for each in children if isinstance(each, SAMLConnection))
    ends = (describe(each.idp_certificate).not_after for each in connections if each.idp_certificate)
    return Listed(
        organization=live.organization,
        connections=connections,
        directories=tuple(each for each in children if isinstance(each, SCIMDirectory)),
        expires=min(filter(None, ends), default=""),
        manifest=manifest,
        unreadable=tuple(each.message for each in live.collections.values() if isinstance(each, Unreadable)),
    )


def named(name: str, desired: Desired | None, organizations: Sequence[Organization]) -> tuple[Organization, ...]:
    """The live organizations that a handle, an id, an external id, a display name or a domain means.

    Only the first of these that means any counts, so that a display name never hides a handle.
    """
    declared = desired.organizations if desired else ()
    wanted = next((each for each in declared if each.name == name), None)
    if wanted:
        key = wanted.id or wanted.external_id
        return tuple(each for each in organizations if key in {each.id, each.external_id})
    exact = tuple(each for each in organizations if name in {each.id, each.external_id})
    if exact:
        return exact
    folded, host = _folded(name), domain.normal(name)
    called = tuple(each for each in organizations if each.display_name and _folded(each.display_name) == folded)
    return called or tuple(each for each in organizations if host in map(domain.normal, each.domains))


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
