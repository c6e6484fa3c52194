"""In which order the changes of a plan are made."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from msgspec import convert, structs

from reconciler.core.applying.merge import creation
from reconciler.core.planning.diff import initial
from reconciler.core.planning.match import match_children
from reconciler.core.planning.order import level, position
from reconciler.model.change import Action, Change, FieldChange, Key
from reconciler.model.kinds import CONNECTION, IDP_FIELDS, KindName
from reconciler.model.state import DesiredChild, SAMLConnection
from tests.support import build, strategies
from tests.support.build import PLACE, connection

PROMOTE = FieldChange("primary", "primary", False, True)
DEMOTE = FieldChange("primary", "primary", True, False)
URL = FieldChange("idpRedirectUrl", "idp.redirectUrl", "a", "b")


def change(action: Action, kind: KindName, name: str, *fields: FieldChange, organization: str = "acme") -> Change:
    return Change(action, Key(organization, kind, name), PLACE, fields=fields)


def create(child: DesiredChild) -> Change:
    return Change(
        Action.CREATE, Key("acme", child.kind, child.name), PLACE, fields=initial(CONNECTION, child.owned)
    )


def names(*changes: Change) -> list[str]:
    return [each.key.name for each in sorted(changes, key=position)]


def test_an_organizations_changes_run_from_itself_to_its_secrets() -> None:
    saml, scim = KindName.CONNECTION, KindName.DIRECTORY
    expected = [
        change(Action.UPDATE, KindName.ORGANIZATION, "organization", URL),
        change(Action.UPDATE, saml, "z-promoted", URL, PROMOTE),
        change(Action.UPDATE, scim, "y-promoted", PROMOTE),
        change(Action.CREATE, saml, "x-created", PROMOTE),
        change(Action.CREATE, scim, "w-created"),
        change(Action.UPDATE, saml, "v-updated", URL),
        change(Action.UPDATE, saml, "v-updated-too", URL),
        change(Action.UPDATE, saml, "u-demoted", URL, DEMOTE),
        change(Action.ISSUE, KindName.SETUP_LINK, "b-link"),
        change(Action.ISSUE, KindName.BEARER_TOKEN, "a-token"),
    ]
    assert names(*reversed(expected)) == [each.key.name for each in expected]
    assert [level(each) for each in expected] == [0, 1, 1, 2, 2, 3, 3, 4, 5, 5]


def test_organizations_stand_by_name_each_in_one_piece() -> None:
    organization = KindName.ORGANIZATION
    changes = [
        change(Action.UPDATE, KindName.CONNECTION, "a", PROMOTE, organization="acme"),
        change(Action.CREATE, organization, "globex", organization="globex"),
        change(Action.ISSUE, KindName.SETUP_LINK, "b", organization="acme"),
    ]
    assert names(*changes) == ["a", "b", "globex"]


def test_what_a_later_pass_could_tell_apart_is_created_first_and_a_blank_one_last() -> None:
    children = [
        connection("a"),
        connection("b", url="u"),
        connection("c", url="u", cert="c"),
        connection("d", entity="e"),
        connection("e", entity="e", url="u"),
        connection("f", entity="e", url="u", cert="c"),
        connection("g", entity="f", url="u", cert="c"),
    ]
    assert names(*map(create, children)) == ["f", "g", "e", "d", "c", "b", "a"]


@given(strategies.declared_connections(cleared=False), st.integers(0, 3))
def test_a_restart_between_two_creates_finds_those_made_and_is_in_no_doubt(
    declared: Sequence[DesiredChild], made: int
) -> None:
    """As long as the manifest says what sets its connections apart: entity ids, or certificate and URL."""
    children = {_stated(child): structs.replace(child, id=None) for child in declared if _tells(child)}
    order = names(*map(create, children.values()))
    seen = [
        _made(number, child)
        for number, name in enumerate(order[:made])
        for child in children.values()
        if child.name == name
    ]
    result = match_children(CONNECTION.name, tuple(children.values()), seen, frozenset())
    assert {found.live.id: name for name, found in result.found.items()} == {
        each.id: name for each, name in zip(seen, order, strict=False)
    }
    assert result.absent == set(order[made:])


def _stated(child: DesiredChild) -> tuple[object, ...]:
    return tuple(child.owned.get(wire) for wire in IDP_FIELDS)


def _tells(child: DesiredChild) -> bool:
    entity, url, certificate = _stated(child)
    return bool(entity or (url and certificate) or not (url or certificate))


def _made(number: int, child: DesiredChild) -> SAMLConnection:
    body = creation(create(child), build.org_id(1))
    return convert(body | {"id": build.conn_id(number)}, SAMLConnection)
