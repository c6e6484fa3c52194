"""Applies to a plan what moves between organizations: who waits for whom, and who is refused."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import structs

from reconciler.core.planning.domain_transfer import Refused, hand_over, kept_domains
from reconciler.core.planning.part import Part, key_of, refuse
from reconciler.model.change import BlockReason, Change, Hint, HintReason, Key
from reconciler.model.state import Desired, DesiredOrganization, Observed


def handed_over(
    chosen: list[DesiredOrganization], parts: list[Part], desired: Desired, observed: Observed
) -> list[Part]:
    """Order what moves between them; one that has to keep a domain is refused, which may refuse others."""
    live, wanted = observed.organizations, _stated_domains(desired)
    while True:
        tied, refused = hand_over(
            [change for part in parts for change in part.changes],
            live,
            share_domains=not desired.environment.forbid_shared,
        )
        kept = kept_domains(tied, live, wanted, complete=desired.complete)
        if not kept:
            return _tied(chosen, parts, {change.key: change for change in tied}, refused)
        parts = [
            _keeping(each, part, *kept[key_of(each)]) if key_of(each) in kept else part
            for each, part in zip(chosen, parts, strict=True)
        ]


def _tied(
    chosen: list[DesiredOrganization],
    parts: list[Part],
    by_key: Mapping[Key, Change],
    refused: Mapping[Key, Refused],
) -> list[Part]:
    result = []
    for wanted, part in zip(chosen, parts, strict=True):
        key = key_of(wanted)
        if key in refused:
            result.append(refuse(wanted, part, refused[key].reason, refused[key].message))
        elif key in by_key:
            result.append(structs.replace(part, changes=(by_key[key],)))
        else:
            result.append(part)
    return result


def _stated_domains(desired: Desired) -> dict[str, tuple[str, ...]]:
    """Return the domains that each manifest states, by handle, also where it cannot be applied."""
    stated = {bad.name or str(bad.origin): bad.domains for bad in desired.invalid}
    for wanted in desired.organizations:
        stated[wanted.name] = wanted.domains
    return stated


def _keeping(wanted: DesiredOrganization, part: Part, name: str, taker: str | None) -> Part:
    """Return the part of a giver that keeps a domain; the taker is told, too."""
    if taker is None:
        message = f"{name} stays here until every file can be read: one that cannot may take it."
        return refuse(wanted, part, BlockReason.DOMAIN_KEPT, message)
    message = (
        f"{name} moves to {taker}, which cannot take it now, so nobody could sign in by it. It stays here until "
        f"{taker} can be changed. To remove it all the same, remove it from {taker}, too."
    )
    stays = Hint(
        reason=HintReason.DOMAIN_STAYS,
        message=f"{name} stays with {wanted.name} until this organization can take it.",
        organization=taker,
    )
    refused = refuse(wanted, part, BlockReason.DOMAIN_KEPT, message)
    return structs.replace(refused, hints=(*part.hints, stays))
