"""Finds the rule that a write breaks which is due nowhere."""

from __future__ import annotations

from typing import Any

from reconciler.model.kinds import KindName
from tests.simulation.oracle.assessment import Assessment, Place, Write
from tests.simulation.oracle.attempt import Attempt
from tests.simulation.oracle.breach import Breach
from tests.simulation.oracle.declared import CREATE_ONLY, Declared, body_values
from tests.simulation.oracle.shown import Moment

Accusation = tuple[Breach, str]


def explain(declared: Declared, moment: Moment, attempt: Attempt, found: Assessment) -> Accusation:
    """The rule and what was done against it."""
    holder = attempt.organization_id or _organization_of(moment, attempt.id)
    owner = next(
        (place[0] for place, id_ in found.means.items() if _is_organization(place) and id_ == holder), None
    )
    if owner in found.closed:
        breach, why = found.closed[owner]
        return breach, f"{attempt} writes to {owner}: {why}"
    if attempt.method == "PATCH":
        return _update(declared, attempt, found)
    if attempt.kind is KindName.ORGANIZATION:
        return _creation(declared, attempt, found)
    for place, why in found.blocked.items():
        if place[0] == owner and _is_for(declared, place, attempt, found):
            return Breach.BLOCKED, f"{attempt} is for {place}: {why}"
    alike = [write for write in found.due if is_write(write, attempt, anywhere=True)]
    if any(write.parent == attempt.organization_id for write in alike):
        return Breach.TOO_EARLY, f"{attempt} waits for another write"
    if alike or owner is None:
        return Breach.WRONG_PLACE, f"{attempt} is for {holder}, which is {owner or 'no declared organization'}"
    return Breach.NOT_DUE, f"{attempt} for {owner} is due nowhere"


def _is_for(declared: Declared, place: Place, attempt: Attempt, found: Assessment) -> bool:
    """Whether a POST is for what stands at that place."""
    name, kind, handle = place
    if attempt.kind is KindName.BEARER_TOKEN:
        return found.means.get(place) == attempt.id
    if attempt.kind is not kind or kind is KindName.SETUP_LINK:
        return attempt.kind is kind
    sent = body_values(kind, attempt.body)
    children = declared.organizations[name].collections[kind]
    return any(each.name == handle and sent | dict(each.values) == sent for each in children)


def _update(declared: Declared, attempt: Attempt, found: Assessment) -> Accusation:
    place = next((place for place, id_ in found.means.items() if id_ == attempt.id), None)
    if place is None:
        return Breach.MISTAKEN, f"{attempt} changes what no manifest means"
    if declared.organizations[place[0]].ownership == CREATE_ONLY:
        return Breach.HANDS_OFF, f"{attempt} changes {place}, which is only ever created"
    if place in found.blocked:
        return Breach.BLOCKED, f"{attempt} changes {place}: {found.blocked[place]}"
    if any(write.live == attempt.id for write in found.due):
        return Breach.TOO_EARLY, f"{attempt} waits for another write"
    return Breach.NOT_DUE, f"{attempt} changes {place}, which is as it should be"


def _creation(declared: Declared, attempt: Attempt, found: Assessment) -> Accusation:
    key, title = attempt.body.get("externalId"), attempt.body.get("displayName")
    for name, (breach, why) in found.closed.items():
        if declared.organizations[name].key == key:
            return breach, f"{attempt} makes {name}: {why}"
    for place, why in found.blocked.items():
        keys = {wanted.key for wanted in declared.all if wanted.name == place[0]}
        if _is_organization(place) and key in keys:
            return Breach.BLOCKED, f"{attempt} makes {place[0]}: {why}"
    if any(write.live is None and _is_organization(write.place) and write.waits for write in found.due):
        return Breach.TOO_EARLY, f"{attempt} waits for another write"
    return Breach.NOT_DUE, f"{attempt} makes {title!r}, which nobody asks for"


def is_write(write: Write, attempt: Attempt, *, anywhere: bool = False) -> bool:
    """Whether a request is this write; `anywhere`: or would be, in another organization."""
    kind = write.place[1]
    if attempt.kind is not kind:
        return False
    if kind is KindName.SETUP_LINK:
        asked = {part for part in ("saml", "scim") if attempt.body.get(f"canManage{part.title()}")}
        return (anywhere or attempt.organization_id == write.live) and asked == write.values
    if attempt.method == "PATCH" or kind is KindName.BEARER_TOKEN:
        return write.live == attempt.id
    here = anywhere or write.parent == attempt.organization_id
    return write.live is None and here and body_values(kind, attempt.body) == _whole(kind, write.values)


def _whole(kind: KindName, values: Any) -> dict[str, Any]:
    return body_values(kind, {}) | dict(values)


def _organization_of(moment: Moment, id_: str | None) -> str | None:
    if id_ in (moment.organizations or {}):
        return id_
    return next((place[0] for place, rows in moment.collections.items() if id_ in rows), None)


def _is_organization(place: Place) -> bool:
    return place[1] is KindName.ORGANIZATION
