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
from reconciler.model.change import Change, Create, FieldChange, Key
from reconciler.model.kinds import CONNECTION, IDP_FIELDS, KindName
from reconciler.model.state import DesiredChild, SAMLConnection
from tests.support import build, strategies
from tests.support.build import connection, create, issue, update

PROMOTE = FieldChange("primary", "primary", False, True)
DEMOTE = FieldChange("primary", "primary", True, False)
ENTITY = FieldChange("idpEntityId", "idp.entityId", "a", "b")
URL = FieldChange("idpRedirectUrl", "idp.redirectUrl", "a", "b")


def key(kind: KindName, name: str, organization: str = "acme") -> Key:
    return Key(organization, kind, name)


def creation_of(child: DesiredChild) -> Create:
    return create(key(child.kind, child.name), *initial(CONNECTION, child.owned))


def names(*changes: Change) -> list[str]:
    return [each.key.name for each in sorted(changes, key=position)]


def test_an_organizations_changes_run_from_itself_to_its_secrets() -> None:
    saml, scim = KindName.CONNECTION, KindName.DIRECTORY
    expected = [
        update(key(KindName.ORGANIZATION, "organization"), URL),
        update(key(saml, "z-promoted"), URL, PROMOTE),
        update(key(scim, "y-promoted"), PROMOTE),
        create(key(saml, "x-created"), PROMOTE),
        create(key(scim, "w-created")),
        update(key(saml, "v-updated"), URL),
        update(key(saml, "v-updated-too"), ENTITY, URL),
        update(key(saml, "u-demoted"), URL, DEMOTE),
        issue(key(KindName.SETUP_LINK, "b-link")),
        issue(key(KindName.BEARER_TOKEN, "a-token")),
    ]
    assert names(*reversed(expected)) == [each.key.name for each in expected]
    assert [level(each) for each in expected] == [0, 1, 1, 2, 2, 3, 3, 4, 5, 5]


def test_organizations_stand_by_name_each_in_one_piece() -> None:
    organization = KindName.ORGANIZATION
    changes = [
        update(key(KindName.CONNECTION, "a"), PROMOTE),
        create(key(organization, "globex", "globex")),
        issue(key(KindName.SETUP_LINK, "b")),
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
    assert names(*map(creation_of, children)) == ["f", "g", "e", "d", "c", "b", "a"]


@given(strategies.declared_connections(cleared=False), st.integers(0, 3))
def test_a_restart_between_two_creates_finds_those_made_and_is_in_no_doubt(
    declared: Sequence[DesiredChild], made: int
) -> None:
    """As long as the manifest says what sets its connections apart: entity ids, or certificate and URL."""
    children = {_stated(child): structs.replace(child, id=None) for child in declared if _tells(child)}
    order = names(*map(creation_of, children.values()))
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
    body = creation(creation_of(child), build.org_id(1))
    return convert(body | {"id": build.conn_id(number)}, SAMLConnection)
