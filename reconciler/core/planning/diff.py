"""Compares owned fields alone: what a manifest states against what is live, normalised per field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.values import certificate, domain
from reconciler.model.change import FieldChange
from reconciler.model.kinds import Compare, Field, Kind
from reconciler.model.state import Certificate, Live, Value


def live_value(field: Field, live: Live) -> Value:
    """A live object's value as one of ours: domains sorted, a certificate as a fingerprint and an end."""
    value: Any = getattr(live, field.attribute)
    if field.compare is Compare.DOMAINS:
        value = tuple(sorted(value))
    if field.compare is Compare.CERTIFICATE and value:
        value = certificate.describe(value)
    found: Value = value
    return found


def same(field: Field, one: Value, other: Value) -> bool:
    """Whether two values of a field mean the same.

    Live domains with capitals, blanks or duplicates are drift, since they match no sign-in.
    """
    return bool(_meaning(field, one) == _meaning(field, other))


def _meaning(field: Field, value: Any) -> Any:
    if field.compare is Compare.DOMAINS:
        return sorted(value)
    if field.compare is Compare.CERTIFICATE:
        return getattr(value, "sha256", value)
    return value


def differs(kind: Kind, owned: Mapping[str, Value], live: Live) -> bool:
    """Whether any owned field is not as stated."""
    return any(field.wire in owned and not _is_live(field, owned[field.wire], live) for field in kind.fields)


def diff(kind: Kind, owned: Mapping[str, Value], live: Live) -> tuple[FieldChange, ...]:
    """The owned fields that are not as stated, in the kind's order, with what is risky about each."""
    return tuple(
        FieldChange(
            wire=field.wire,
            path=field.path,
            before=(before := live_value(field, live)),
            after=owned[field.wire],
            risk=_risk(field, before, owned[field.wire]),
        )
        for field in kind.fields
        if field.wire in owned and not _is_live(field, owned[field.wire], live)
    )


def initial(kind: Kind, owned: Mapping[str, Value]) -> tuple[FieldChange, ...]:
    """The fields of an object to be created; an empty value is what the server gives anyway."""
    return tuple(
        FieldChange(wire=field.wire, path=field.path, before=None, after=owned[field.wire])
        for field in kind.fields
        if field.wire in owned and owned[field.wire] != field.empty
    )


def _is_live(field: Field, stated: Value, live: Live) -> bool:
    """`same`, without taking a live certificate apart."""
    if isinstance(stated, Certificate):
        pem: str = getattr(live, field.attribute)
        return certificate.fingerprint(pem) == stated.sha256
    return same(field, stated, live_value(field, live))


def _risk(field: Field, before: Any, after: Any) -> str | None:
    """Why this change may stop people from signing in; filling what was empty cannot, but a primary moves."""
    if before == field.empty and field.compare is not Compare.FLAG:
        return None
    return _risk_of_domains(field, before, after) if field.compare is Compare.DOMAINS else field.risk


def _risk_of_domains(field: Field, before: tuple[str, ...], after: tuple[str, ...]) -> str | None:
    if not after:
        return "nobody can sign in to an organization without domains"
    removed = {domain.normal(each) for each in before} - set(after)
    return field.risk if removed else None
