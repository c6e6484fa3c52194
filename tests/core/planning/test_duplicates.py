"""What is live more often than declared, with nothing to tell it apart, is told, and nobody touches it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import structs

from reconciler.core.planning.children import plan_collection
from reconciler.core.planning.plan import plan
from reconciler.model.change import Duplicate
from reconciler.model.kinds import KindName
from reconciler.model.state import DesiredChild, DesiredOrganization, InvalidOrganization, SAMLConnection
from tests.support.build import (
    CONNECTION,
    DIRECTORY,
    PLACE,
    conn_id,
    connection,
    desired,
    dir_id,
    directory,
    live,
    live_connection,
    live_directory,
    observed,
    org_id,
    organization,
)

IDP = {"entity": "e1", "url": "u1", "cert": "c1"}


def twins(declared: Sequence[DesiredChild], seen: Sequence[SAMLConnection], **more: Any) -> tuple[Duplicate, ...]:
    wanted = organization("acme", connections=declared, **more)
    return plan(desired(wanted), observed(live(1, "acme", connections=seen)), 0).duplicates


def twin(name: str, *numbers: int) -> Duplicate:
    return Duplicate(CONNECTION, "acme", name, tuple(map(conn_id, numbers)))


# -- children --------------------------------------------------------------------------------------


def test_two_that_nothing_tells_apart_where_one_is_declared_are_a_duplicate() -> None:
    seen = [live_connection(2, **IDP), live_connection(1, **IDP)]
    assert twins([connection("okta", **IDP)], seen) == (twin("okta", 1, 2),)


def test_an_entity_id_is_evidence_whatever_else_differs() -> None:
    seen = [live_connection(1, **IDP), live_connection(2, entity="e1", url="u2")]
    assert twins([connection("okta", **IDP)], seen) == (twin("okta", 1, 2),)


def test_two_without_any_value_are_a_duplicate_too() -> None:
    assert twins([connection("okta")], [live_connection(1), live_connection(2)]) == (twin("okta", 1, 2),)


def test_the_pinned_one_has_a_duplicate_until_the_other_is_ruled_out() -> None:
    pinned = [connection("okta", id_=conn_id(1), **IDP)]
    seen = [live_connection(1, **IDP), live_connection(2, **IDP)]
    assert twins(pinned, seen) == (twin("okta", 1, 2),)
    assert twins(pinned, seen, distinct_from=[conn_id(2)]) == ()


def test_one_alone_is_none() -> None:
    wanted = organization("acme", connections=[connection("okta", **IDP)])
    assert plan_collection(wanted, CONNECTION, [live_connection(1, **IDP)], org_id(1)).duplicates == ()


def test_as_many_as_declared_are_none() -> None:
    declared = [connection("b", **IDP), connection("a", **IDP)]
    seen = [live_connection(number, **IDP) for number in (1, 2, 3)]
    assert twins(declared, seen[:2]) == ()
    assert twins(declared, seen) == (twin("a", 1, 2, 3),)


def test_what_differs_or_is_in_no_manifest_is_none() -> None:
    other = live_connection(2, entity="e2")
    assert twins([connection("okta", **IDP)], [live_connection(1, **IDP), other]) == ()
    assert twins([connection("okta")], [live_connection(1, **IDP), other]) == ()
    assert twins([], [live_connection(1, **IDP), live_connection(2, **IDP)]) == ()
    unmanaged = [other, structs.replace(other, id=conn_id(3))]
    assert twins([connection("okta", **IDP)], [live_connection(1, **IDP), *unmanaged]) == ()


def test_several_stand_in_order_of_id_whatever_the_order_of_the_pages() -> None:
    declared = [connection("okta", **IDP), connection("entra", entity="e2")]
    seen = [live_connection(number, **(IDP if number % 2 else {"entity": "e2"})) for number in (1, 2, 3, 4)]
    assert twins(declared, seen) == twins(declared, seen[::-1]) == (twin("okta", 1, 3), twin("entra", 2, 4))


def test_directories_that_nothing_tells_apart() -> None:
    wanted = organization("acme", directories=[directory("okta", id_=dir_id(1))])
    seen = observed(live(1, "acme", directories=[live_directory(1), live_directory(2)]))
    assert plan(desired(wanted), seen, 0).duplicates == (
        Duplicate(DIRECTORY, "acme", "okta", (dir_id(1), dir_id(2))),
    )


# -- organizations ---------------------------------------------------------------------------------


def same(name: str, *numbers: int) -> tuple[Duplicate, ...]:
    return (Duplicate(KindName.ORGANIZATION, name, name, tuple(map(org_id, numbers))),)


ACME = organization("acme", display_name="Acme", domains=("acme.example",))
FIRST = live(1, "acme", display_name="Acme", domains=["acme.example"])
SECOND = live(2, display_name=" ACME", domains=["Acme.example", "b.example"])
THIRD = live(3, display_name="Other", domains=["acme.example"])


def doubled(*wanted: DesiredOrganization, complete: bool = True) -> tuple[Duplicate, ...]:
    whole = structs.replace(desired(*wanted), complete=complete)
    return plan(whole, observed(FIRST, SECOND, THIRD), 0).duplicates


def test_an_organization_with_a_domain_and_the_name_of_a_declared_one_is_a_duplicate() -> None:
    assert doubled(ACME) == same("acme", 1, 2)


def test_two_candidates_for_one_that_is_not_found_are_a_duplicate() -> None:
    assert doubled(organization("new", display_name="Acme", domains=("acme.example",))) == same("new", 1, 2)
    assert doubled(organization("new", display_name="Acme", domains=("other.example",))) == ()
    assert doubled(ACME, organization("new", display_name="Acme", domains=("acme.example",))) == ()


def test_several_shared_domains_make_one_duplicate() -> None:
    both = ["acme.example", "b.example"]
    seen = observed(live(1, "acme", domains=both), live(2, domains=both), live(3, domains=both))
    wanted = organization("acme", domains=tuple(both))
    assert plan(desired(wanted), seen, 0).duplicates == same("acme", 1, 2, 3)
    second = organization("second", id_=org_id(2), domains=tuple(both))
    assert plan(desired(second, wanted), seen, 0).duplicates == same("acme", 1, 2, 3)


def test_those_of_several_domains_stand_in_order_of_id() -> None:
    seen = observed(*(live(number, str(number), domains=[f"{9 - number % 3}.example"]) for number in range(1, 7)))
    wanted = [organization(str(number)) for number in (1, 2, 3)]
    found = plan(desired(*wanted), seen, 0).duplicates
    assert [each.ids for each in found] == [(org_id(number), org_id(number + 3)) for number in (1, 2, 3)]


@pytest.mark.parametrize(
    "wanted",
    [
        [structs.replace(ACME, distinct_from=frozenset({org_id(2)}))],
        [ACME, organization("second", id_=org_id(2))],
        [organization("other", id_=org_id(3))],
        [structs.replace(ACME, suspend="moving")],
    ],
    ids=["ruled out", "claimed by another", "another name", "suspended"],
)
def test_what_is_no_duplicate(wanted: list[DesiredOrganization]) -> None:
    assert doubled(*wanted) == ()


def test_one_that_a_broken_manifest_claims_is_none() -> None:
    broken = InvalidOrganization("second", org_id(2), None, "it is broken", PLACE)
    made = plan(desired(ACME, invalid=[broken]), observed(FIRST, SECOND, THIRD), 0)
    assert made.duplicates == ()


def test_while_a_file_cannot_be_read_nothing_is_called_a_duplicate() -> None:
    assert doubled(ACME, complete=False) == ()
