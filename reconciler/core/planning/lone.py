"""Says what becomes of a lone directory that is not primary, as the setup page makes them: nobody reads it."""

from __future__ import annotations

from msgspec import structs

from reconciler.model.change import Hint, HintReason
from reconciler.model.kinds import DIRECTORY
from reconciler.model.state import DesiredChild, DesiredOrganization, ObservedOrganization, Ownership

_MESSAGE = (
    "{id} is the only directory and not primary, so products read people from none. State `primary: true`, or let "
    "the Environment see to it with `directories: {{makeLonePrimary: true}}`."
)


def no_primary(wanted: DesiredOrganization, live: ObservedOrganization | None) -> tuple[Hint, ...]:
    """Return the hint that its only directory is not primary, unless the manifest says anything about that."""
    lone = _lone(wanted, live)
    if lone is None:
        return ()
    child, id_ = lone
    return (Hint(HintReason.NO_PRIMARY, _MESSAGE.format(id=id_), wanted.name, child.name),)


def promoted(wanted: DesiredOrganization, live: ObservedOrganization | None) -> DesiredOrganization:
    """Return the organization with its lone directory stated to be primary, if it may be written to."""
    lone = _lone(wanted, live)
    if lone is None or wanted.ownership is not Ownership.FULL:
        return wanted
    child = structs.replace(lone[0], owned={**lone[0].owned, "primary": True})
    return structs.replace(wanted, collections={**wanted.collections, DIRECTORY.name: (child,)})


def _lone(wanted: DesiredOrganization, live: ObservedOrganization | None) -> tuple[DesiredChild, str] | None:
    """The only directory as declared, and its live id, if it is not primary and nothing is stated about that."""
    declared = wanted.collections.get(DIRECTORY.name, ())
    found = live.collections.get(DIRECTORY.name, ()) if live else ()
    if not isinstance(found, tuple) or len(declared) != 1 or len(found) != 1 or found[0].primary:
        return None
    same = declared[0].id in {None, found[0].id}
    return (declared[0], found[0].id) if same and "primary" not in declared[0].owned else None
