"""A lone directory that is not primary: told, and made primary where the environment says so."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from reconciler.core.planning.plan import plan
from reconciler.model.change import HintReason, Plan
from reconciler.model.state import DesiredOrganization, ObservedOrganization, Ownership, Unreadable
from tests.support.build import desired, dir_id, directory, live, live_directory, observed, organization

LONE = live(1, "acme", directories=[live_directory(1)])


def acme(**more: Any) -> DesiredOrganization:
    return organization("acme", directories=[directory("okta", **more)])


def made(wanted: DesiredOrganization, seen: ObservedOrganization = LONE, *, heal: bool = False) -> Plan:
    whole = desired(wanted)
    environment = structs.replace(whole.environment, make_lone_primary=heal)
    return plan(structs.replace(whole, environment=environment), observed(seen), 0.0)


def hints(plan: Plan) -> list[tuple[str, str | None]]:
    return [(hint.reason, hint.name) for hint in plan.hints]


@pytest.mark.parametrize("id_", [None, dir_id(1)])
def test_it_is_told_and_nothing_is_written(id_: str | None) -> None:
    told = made(acme(id_=id_))
    assert hints(told) == [(HintReason.NO_PRIMARY, "okta")]
    assert told.changes == ()
    assert dir_id(1) in told.hints[0].message


def test_the_environment_can_have_it_made_primary() -> None:
    healed = made(acme(), heal=True)
    assert hints(healed) == []
    (change,) = healed.changes
    assert [(field.wire, field.after, field.risk) for field in change.fields] == [("primary", True, None)]


def test_where_nothing_may_be_written_it_is_told_alone() -> None:
    told = made(structs.replace(acme(), ownership=Ownership.OBSERVE), heal=True)
    assert (hints(told), told.changes) == ([(HintReason.NO_PRIMARY, "okta")], ())


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        (acme(primary=False), LONE),
        (acme(id_=dir_id(9)), LONE),
        (organization("acme", directories=[]), LONE),
        (organization("acme"), LONE),
        (acme(), live(1, "acme", directories=[live_directory(1, primary=True)])),
        (acme(), live(1, "acme", directories=[])),
        (acme(), live(1, "acme", directories=[live_directory(1), live_directory(2)])),
        (acme(), live(1, "acme", directories=Unreadable("busy"))),
        (acme(), live(1, "other")),
    ],
    ids=[
        *("stated", "another is pinned", "none declared", "unmanaged", "primary", "none live", "several live"),
        *("unreadable", "not live"),
    ],
)
@pytest.mark.parametrize("heal", [False, True])
def test_in_any_other_case_nothing_is_said_or_done(
    wanted: DesiredOrganization, seen: ObservedOrganization, heal: bool
) -> None:
    plain, healing = made(wanted, seen), made(wanted, seen, heal=heal)
    assert HintReason.NO_PRIMARY not in {hint.reason for hint in healing.hints}
    assert healing.changes == plain.changes
