"""Says whose live organization a plan writes to, and whether the manifest takes it over unseen.

A manifest can name any live organization by `id` or by its external id. Whoever reviews it sees only what the
manifest says, so the plan shows whose organization it is.
"""

from __future__ import annotations

from reconciler.core.planning.secrets import Records
from reconciler.core.values import domain
from reconciler.model.change import Target
from reconciler.model.kinds import KindName
from reconciler.model.state import DesiredOrganization, Organization, Record


def target(wanted: DesiredOrganization, live: Organization, records: Records | None) -> Target:
    """Return the live organization as a plan shows it.

    It is adopted unless something says that the manifest has meant it before: a delivery record of it under the
    manifest's name, or a live name or domain that the manifest states itself, where a reviewer has read it.
    """
    known = _recorded(wanted, live, records) or _stated(wanted, live)
    return Target(live.id, live.display_name, tuple(sorted(live.domains)), adopted=not known)


def _recorded(wanted: DesiredOrganization, live: Organization, records: Records | None) -> bool:
    handles = (None, *(child.name for child in wanted.collections.get(KindName.DIRECTORY, ())))
    found = ((records or {}).get((wanted.name, handle)) for handle in handles)
    return any(isinstance(record, Record) and record.organization_id == live.id for record in found)


def _stated(wanted: DesiredOrganization, live: Organization) -> bool:
    if live.display_name and wanted.owned.get("displayName") == live.display_name:
        return True
    return not {domain.normal(each) for each in live.domains}.isdisjoint(wanted.domains)
