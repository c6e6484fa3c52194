"""Puts changes into words, and those that are alike together: a thousand renames are one line with a number."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from reconciler.core.values.redaction import escaped
from reconciler.model.change import Action, Change, FieldChange
from reconciler.model.kinds import KindName
from reconciler.model.state import Certificate
from reconciler.render.words import resource, value

ALIKE_MAX = 3  # more alike changes than that are one line with a number
NAMED_MAX = 5


def alike(changes: Iterable[Change]) -> Iterator[tuple[Change, ...]]:
    """The changes, where more than a few are alike together: the same action on the same fields of one kind."""
    groups: dict[object, list[Change]] = {}
    for change in changes:
        groups.setdefault(signature(change), []).append(change)
    for group in groups.values():
        if len(group) > ALIKE_MAX:
            yield tuple(group)
        else:
            yield from ((change,) for change in group)


def signature(change: Change) -> tuple[Action, KindName, tuple[str, ...], tuple[str, ...]]:
    """What alike changes have in common."""
    fields = tuple(field.path for field in change.fields)
    return change.action, change.key.kind, fields, tuple(sorted(set(change.risks)))


def named(change: Change) -> str:
    """`acme`, `acme saml/okta`."""
    return resource(change.key.kind, change.key.organization, change.key.name)


def told(field: FieldChange) -> str:
    """`displayName "Acme" → "Acme Corporation"`, `domains -old.example +new.example`."""
    name = field.path.rpartition(".")[2]
    gone, new = moved(field)
    if gone or new:
        return " ".join([name, *(f"-{escaped(each)}" for each in gone), *(f"+{escaped(each)}" for each in new)])
    if field.before is None:
        return f"{name} {value(field.after)}"
    return f"{name} {value(field.before)} → {value(field.after)}"


def moved(field: FieldChange) -> tuple[list[str], list[str]]:
    """What leaves a set and what comes into it; both empty for any other value."""
    if not isinstance(field.after, tuple) or isinstance(field.before, str | bool | Certificate):
        return [], []
    before, after = set(field.before or ()), set(field.after)
    return sorted(before - after), sorted(after - before)
