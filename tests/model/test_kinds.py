"""The rows about kinds agree with the live types, with each other and with the API's names."""

from __future__ import annotations

import pytest
from msgspec import structs

from reconciler.model.kinds import CHILD_KINDS, IDP_FIELDS, KINDS, ORGANIZATION, Kind, KindName
from reconciler.model.state import LIVE_TYPES

BY_NAME = pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.word)


@BY_NAME
def test_a_field_is_found_by_its_wire_name_and_no_other(kind: Kind) -> None:
    for field in kind.fields:
        assert kind.field(field.wire) is field
    with pytest.raises(KeyError, match="spAcsUrl"):
        kind.field("spAcsUrl")


@BY_NAME
def test_every_field_is_one_of_the_live_type_with_the_same_wire_name_and_default(kind: Kind) -> None:
    live = {field.name: field for field in structs.fields(LIVE_TYPES[kind.name])}
    for field in kind.fields:
        assert live[field.attribute].encode_name == field.wire
        assert live[field.attribute].default == field.empty


@BY_NAME
def test_what_the_server_sets_is_no_field_of_ours(kind: Kind) -> None:
    ours = {field.attribute for field in kind.fields}
    assert not ours & {"id", "environment_id", "organization_id", "sp_acs_url", "sp_entity_id", "scim_base_url"}


def test_kinds_cannot_be_mixed_up() -> None:
    for attribute in ("name", "word", "route", "one", "many", "id_prefix", "collection"):
        values = [getattr(kind, attribute) for kind in KINDS.values()]
        assert len(set(values)) == len(values)
    assert list(KINDS) == [kind.name for kind in (ORGANIZATION, *CHILD_KINDS)]


def test_the_fields_that_may_stop_people_from_signing_in_say_why() -> None:
    risky = {(kind.name, field.wire) for kind in KINDS.values() for field in kind.fields if field.risk}
    assert risky == {
        (KindName.ORGANIZATION, "externalId"),
        (KindName.ORGANIZATION, "domains"),
        *((KindName.CONNECTION, wire) for wire in IDP_FIELDS),
        (KindName.CONNECTION, "primary"),
        (KindName.DIRECTORY, "primary"),
    }
