"""Saves a plan, and later says which of its changes may still be made: those that are planned just so again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct, structs

from reconciler.core.planning.digest import digest, plain
from reconciler.core.values.certificate import describe
from reconciler.core.values.redaction import masked
from reconciler.model.change import Blocked, Change, Create, FieldChange, Plan, Target
from reconciler.model.errors import WrongPlan
from reconciler.model.kinds import KindName
from reconciler.model.outcome import Outcome, Result
from reconciler.model.saved import Narrowed, SavedPlan
from reconciler.model.state import Certificate, Desired, DesiredOrganization, Value

Document = dict[str, Any]
AGAIN = "Make a new plan with `reconciler plan --out FILE`."
_SAVED, _SEAL = "saved", "seal"


# -- saving ----------------------------------------------------------------------------------------


def save(plan: Plan, desired: Desired, version: str) -> SavedPlan:
    """Return the plan as it can be applied later by the same version."""
    touched = {change.key.organization for change in plan.changes}
    organizations = tuple(each if each.name in touched else _bare(each) for each in desired.organizations)
    return SavedPlan(
        version=version,
        environment=plan.environment,
        environment_id=plan.environment_id,
        pin=desired.environment.id,
        digest=plan.digest,
        manifests=fingerprint(desired),
        changes=plan.changes,
        targets=plan.targets,
        desired=structs.replace(desired, organizations=organizations),
    )


def _bare(wanted: DesiredOrganization) -> DesiredOrganization:
    """Return what others are compared with: its identity, its name and its domains."""
    return structs.replace(wanted, collections={}, setup_link=None)


def fingerprint(desired: Desired) -> str:
    """Return a hash of everything that the manifests declare, whatever commit they are from."""
    declared = msgspec.json.encode(structs.replace(desired, revision=""), order="deterministic")
    return hashlib.sha256(declared).hexdigest()


def encode(saved: SavedPlan, document: Document) -> Document:
    """Return the plan's document with what applying it takes, sealed against edits, without secrets.

    Raises:
        WrongPlan: something in it looks like a secret, so that it cannot be written.
    """
    content = msgspec.to_builtins(saved)
    if msgspec.json.encode(masked(content)) != msgspec.json.encode(content):
        message = "this plan cannot be saved: a value in it looks like a secret"
        raise WrongPlan(message, "Remove it from the manifests.")
    whole: Document = masked({**document, _SAVED: content})
    return {**whole, _SEAL: _seal(whole)}


def _seal(document: Document) -> str:
    content = {name: value for name, value in document.items() if name != _SEAL}
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


# -- reading ---------------------------------------------------------------------------------------


def decode(document: Any, version: str) -> SavedPlan:
    """Return the plan that a document holds; raises WrongPlan if it is none, another version's, or edited."""
    saved = document.get(_SAVED) if isinstance(document, dict) else None
    if not isinstance(saved, dict):
        raise WrongPlan("this is no saved plan", AGAIN)
    if saved.get("version") != version:
        raise WrongPlan(f"this plan was saved by another version than {version}", AGAIN)
    if document.get(_SEAL) != _seal(document):
        raise WrongPlan("this plan was changed after it was saved", AGAIN)
    try:
        plan = msgspec.convert(saved, SavedPlan)
    except msgspec.ValidationError:
        raise WrongPlan("this saved plan cannot be read", AGAIN) from None
    known = digest(plan.environment_id or plan.pin or plan.environment, plan.changes)
    if known != plan.digest or document.get("digest") != plan.digest or not all(map(_true, _certificates(plan))):
        raise WrongPlan("the digest of this saved plan is not that of its changes", AGAIN)
    return plan


def _certificates(saved: SavedPlan) -> Iterator[Certificate]:
    stated: list[Value | None] = [field.after for change in saved.changes for field in change.fields]
    for wanted in saved.desired.organizations:
        for children in wanted.collections.values():
            stated += (value for child in children for value in child.owned.values())
    yield from (value for value in stated if isinstance(value, Certificate))


def _true(certificate: Certificate) -> bool:
    """Return whether the hash, which the digest is of, is that of the certificate, which would be written."""
    return describe(certificate.pem).sha256 == certificate.sha256


# -- applying --------------------------------------------------------------------------------------


class _Now(Struct, frozen=True):
    """What would be planned now, by what it is about."""

    changes: Mapping[Any, Change]
    blocked: tuple[Blocked, ...]
    targets: Mapping[str, Target]


def narrowed(plan: Plan, saved: SavedPlan) -> Narrowed:
    """Return what is left of a saved plan, given the plan that its manifests have now.

    A change is left if it, or a part of it, would be planned just so again. One that nothing is left of is
    satisfied; any other is stale. Raises WrongPlan in another environment.
    """
    if saved.environment_id is not None and plan.environment_id != saved.environment_id:
        live = plan.environment_id or "an empty environment"
        raise WrongPlan(f"this plan was saved for {saved.environment_id}, and the key belongs to {live}", AGAIN)
    now = _Now({change.key: change for change in plan.changes}, plan.blocked, plan.targets)
    ends = {change.key: _end(change, saved, now) for change in saved.changes}
    left = tuple(now.changes[change.key] for change in saved.changes if ends[change.key] is None)
    shown = tuple(now.changes[each.key] if ends[each.key] is None else each for each in saved.changes)
    plan = structs.replace(plan, digest=saved.digest, targets=saved.targets)
    return Narrowed(
        left=structs.replace(plan, changes=left),
        shown=structs.replace(plan, changes=shown),
        outcomes=tuple(end for end in ends.values() if end is not None),
    )


def _end(change: Change, saved: SavedPlan, now: _Now) -> Outcome | None:
    """Return how a saved change ended before it was tried; None if it may be tried."""
    current = now.changes.get(change.key)
    if current is None:
        block = next((each for each in now.blocked if _blocks(each, change)), None)
        if block is None:
            return Outcome(change, Result.SATISFIED, change.live_id)
        return Outcome(change, Result.STALE, change.live_id, f"blocked by now: {block.message}")
    moved = [*_another(change, saved, now), *_moved(change, current)]
    return Outcome(change, Result.STALE, change.live_id, "; ".join(moved)) if moved else None


def _blocks(block: Blocked, change: Change) -> bool:
    if block.organization != change.key.organization:
        return False
    return block.kind is KindName.ORGANIZATION or block.name == change.key.name


def _another(change: Change, saved: SavedPlan, now: _Now) -> Iterator[str]:
    """Return why the organization is no longer the one that was reviewed."""
    name = change.key.organization
    then, live = saved.targets.get(name), now.targets.get(name)
    if then is None or live is None:
        return
    if then.id != live.id:
        yield f"{name} was {then.id}, and is {live.id} now"
        return
    after = {field.wire: field.after for each in saved.changes if each.live_id == then.id for field in each.fields}
    values = (
        ("displayName", then.display_name, live.display_name),
        ("domains", then.domains, live.domains),
    )
    for wire, before, current in values:
        if _counted(current) not in (_counted(before), _counted(after.get(wire, before))):
            yield f"the organization's {wire} was {_said(before)}, and is {_said(current)} now"


def _moved(change: Change, current: Change) -> Iterator[str]:
    """Return what differs in the change that would be planned now: planned, live then, live now."""
    if type(current) is not type(change):
        yield f"{change.action} was planned, and now it would be {current.action}"
        return
    if change.live_id is not None and change.live_id != current.live_id:
        yield f"{change.live_id} was meant, and now it would be {current.live_id}"
    if getattr(change, "extent", None) != getattr(current, "extent", None):
        yield "the link would be for something else now"
    planned = {field.wire: field for field in change.fields}
    for field in current.fields:
        own = planned.get(field.wire)
        if own is None or _counts(own) != _counts(field):
            then = own.before if own else field.after
            yield f"{field.path}: planned {_said(field.after)}, then {_said(then)}, now {_said(field.before)}"
    if isinstance(change, Create) and len(current.fields) < len(change.fields):
        yield "fewer fields would be created now"


def _counts(field: FieldChange) -> tuple[Any, Any]:
    return _counted(field.before), _counted(field.after)


def _counted(value: Value | None) -> Any:
    return sorted(value) if isinstance(value, tuple) else plain(value)


def _said(value: Value | None) -> str:
    if isinstance(value, Certificate):
        return f"sha256:{value.sha256[:12]}…"
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if value else "nothing"
