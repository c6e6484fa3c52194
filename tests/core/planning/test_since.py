"""The plan of a change says whom it releases and whom it adopts, compared with the earlier commit."""

from __future__ import annotations

from msgspec import structs

from reconciler.core.planning.plan import plan as planned
from reconciler.core.planning.since import compared
from reconciler.model.change import Plan, Scope
from reconciler.model.since import Declared, Since
from reconciler.model.state import Desired, DesiredOrganization, InvalidOrganization, Observed
from tests.support.build import BOTH_LINK, PLACE, desired, live, observed, org_id, organization

ACME, GLOBEX = live(1, "acme", display_name="Acme", domains=["acme.example"]), live(2, "globex")
BEFORE = Declared("acme", None, "acme", "acme.yaml", {})


def plan(wanted: Desired, then: Observed, *before: Declared, files: tuple[str, ...] = ("acme.yaml",)) -> Plan:
    made = planned(wanted, then, now=0)
    touched = frozenset({each.name for each in wanted.organizations})
    return compared(made, wanted, then, Since("c0", touched, before, frozenset(files)))


def test_one_without_a_manifest_is_released() -> None:
    made = plan(desired(organization("globex")), observed(ACME, GLOBEX), BEFORE)
    assert [
        (each.id, each.display_name, each.domains, each.organization, each.file) for each in made.released
    ] == [(org_id(1), "Acme", ("acme.example",), "acme", "acme.yaml")]
    assert made.scope == Scope("c0", 1, 1)


def test_one_that_another_or_a_broken_manifest_means_now_is_not_released() -> None:
    renamed = organization("acme-inc", external_id="acme")
    assert plan(desired(renamed), observed(ACME), BEFORE).released == ()
    pinned = organization("acme", id_=org_id(1))
    assert plan(desired(pinned), observed(ACME), BEFORE).released == ()
    broken = InvalidOrganization("acme", None, "acme", "wrong", PLACE)
    assert plan(desired(invalid=[broken]), observed(ACME), BEFORE).released == ()


def test_a_pin_that_leads_elsewhere_releases_the_one_and_adopts_the_other() -> None:
    moved = organization("acme", id_=org_id(2), display_name="Globex GmbH")
    made = plan(desired(moved), observed(ACME, live(2, "globex", display_name="Globex GmbH!")), BEFORE)
    assert [each.id for each in made.released] == [org_id(1)]
    assert made.targets["acme"].adopted


def test_what_was_never_live_is_not_released() -> None:
    nameless = live(3, "", display_name="Nameless")
    none, empty = (structs.replace(BEFORE, external_id=each) for each in (None, ""))
    assert plan(desired(), observed(GLOBEX, nameless), BEFORE, none, empty).released == ()


def test_who_is_released_stands_in_order_of_id() -> None:
    other = structs.replace(BEFORE, name="globex", external_id="globex")
    made = plan(desired(), observed(ACME, GLOBEX), other, BEFORE)
    assert [each.id for each in made.released] == [org_id(1), org_id(2)]


def adopted(wanted: DesiredOrganization, *before: Declared, files: tuple[str, ...] = ("acme.yaml",)) -> bool:
    return plan(desired(wanted), observed(ACME), *before, files=files).targets["acme"].adopted


def test_a_new_manifest_adopts_whom_no_changed_one_meant_even_if_it_states_the_name() -> None:
    known = organization(display_name="Acme", domains=("acme.example", "new.example"))
    assert adopted(known)
    assert not adopted(known, BEFORE)
    assert not adopted(known, structs.replace(BEFORE, id=org_id(1), external_id=None, file="old.yaml"))
    assert not adopted(known, files=()), "its manifest was there before: only a file that it refers to was changed"


def test_the_secrets_of_an_adopted_organization_are_at_risk() -> None:
    wanted = organization(display_name="Acme", setup_link=BOTH_LINK)
    then = structs.replace(
        observed(live(1, "acme", display_name="Acme", connections=(), directories=())), records={}
    )
    (issue,) = plan(desired(wanted), then, BEFORE).changes
    assert issue.risk is None
    (issue,) = plan(desired(wanted), then).changes
    assert issue.risk
    (create,) = plan(desired(organization("new", display_name="New")), observed()).changes
    assert not create.risks
