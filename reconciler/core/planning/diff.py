"""Compares the owned fields of a manifest with a live object, each in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core.values import certificate, domain
from reconciler.model.change import FieldChange, Ref
from reconciler.model.kinds import Compare, Field, Kind
from reconciler.model.state import Certificate, Live, Value


def live_value(field: Field, live: Live) -> Value:
    """Return a live field as a Value: domains sorted, a certificate parsed."""
    value: Any = getattr(live, field.attribute)
    if field.compare is Compare.DOMAINS:
        value = tuple(sorted(value))
    if field.compare is Compare.CERTIFICATE and value:
        value = certificate.describe(value)
    found: Value = value
    return found


def same(field: Field, one: Value, other: Value) -> bool:
    """Return whether two values of a field mean the same.

    Domains with capitals, blanks or duplicates differ from clean ones, since no sign-in matches them.
    """
    return bool(_meaning(field, one) == _meaning(field, other))


def _meaning(field: Field, value: Any) -> Any:
    if field.compare is Compare.DOMAINS:
        return sorted(value)
    if field.compare is Compare.CERTIFICATE:
        return getattr(value, "sha256", value)
    return value


def differs(kind: Kind, owned: Mapping[str, Value], live: Live) -> bool:
    """Return whether any owned field differs."""
    return any(field.wire in owned and not _is_live(field, owned[field.wire], live) for field in kind.fields)


def diff(kind: Kind, owned: Mapping[str, Value], live: Live) -> tuple[FieldChange, ...]:
    """Return the owned fields that differ, in the kind's order, each with its risk."""
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


def initial(kind: Kind, owned: Mapping[str, Value], *, below: str | Ref | None = None) -> tuple[FieldChange, ...]:
    """Return the fields of an object to create, without empty ones, which are the server's default.

    `below` is the id of a live organization that the object is created in, in which it may let people in.
    """
    live = isinstance(below, str)
    return tuple(
        FieldChange(field.wire, field.path, None, owned[field.wire], field.widens if live else None)
        for field in kind.fields
        if field.wire in owned and owned[field.wire] != field.empty
    )


def _is_live(field: Field, stated: Value, live: Live) -> bool:
    """As `same`, but without parsing a live certificate, which is slow."""
    if isinstance(stated, Certificate):
        pem: str = getattr(live, field.attribute)
        return certificate.fingerprint(pem) == stated.sha256
    return same(field, stated, live_value(field, live))


def _risk(field: Field, before: Any, after: Any) -> str | None:
    """Return why the change may keep people out, or let people in; None if it can do neither."""
    if field.compare is Compare.DOMAINS:
        return _risk_of_domains(field, before, after)
    if before == field.empty and field.compare is not Compare.FLAG:
        return field.widens
    return field.risk


def _risk_of_domains(field: Field, before: tuple[str, ...], after: tuple[str, ...]) -> str | None:
    if not after:
        return "nobody can sign in to an organization without domains"
    held = {domain.normal(each) for each in before}
    removed = field.risk if held - set(after) else None
    added = field.widens if set(after) - held else None
    return "; ".join(risk for risk in (removed, added) if risk) or None
