"""Plans that leave something alone or are refused: for every reason one, and for every sentence of a reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import structs

from reconciler.core.planning.guard import refusals
from reconciler.core.planning.plan import plan
from reconciler.model.change import BlockReason, FieldChange, HintReason, Key, Plan
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin
from reconciler.model.settings import Protected
from reconciler.model.state import (
    DesiredOrganization,
    InvalidOrganization,
    ObservedOrganization,
    Ownership,
    Record,
    RecordState,
    Unreadable,
)
from tests.support.build import (
    SAML_LINK,
    conn_id,
    connection,
    create,
    desired,
    dir_id,
    directory,
    live,
    live_connection,
    live_directory,
    observed,
    org_id,
    organization,
    update,
)
from tests.support.plans import EMPTY

IDP = {"entity": "urn:a", "url": "https://a.example", "cert": "a"}
KEYS_SWAPPED = (("acme", 1, "2"), ("globex", 2, "1"))
OTHER = {"entity": "urn:b", "url": "https://b.example", "cert": "b"}


def planned(*wanted: DesiredOrganization, seen: tuple[ObservedOrganization, ...] = (), **more: Any) -> Plan:
    records = more.pop("records", None)
    return plan(desired(*wanted, **more), observed(*seen, records=records), now=0.0)


def acme(**more: Any) -> DesiredOrganization:
    return organization("acme", **more)


def record(state: RecordState, owner: int, directory_id: str | None = None) -> Record:
    return Record(state, org_id(owner), directory_id, saml=True, scim=False, issued_at=0, expires_at=None)


def blocked() -> Iterator[tuple[BlockReason, Plan]]:
    """Each reason, with a plan that has a resource blocked for it."""
    named = acme(display_name="Acme")
    yield BlockReason.AMBIGUOUS, planned(named, seen=(live(1, "x", display_name="Acme"),))
    alike = (live(1, "x", display_name="Acme"), live(2, "y", display_name="acme"))
    yield BlockReason.AMBIGUOUS, planned(named, seen=alike)
    yield BlockReason.AMBIGUOUS, planned(named, seen=(live(1, "acme"), live(2, "acme")))
    one = live(1, "acme", connections=[live_connection(1, **OTHER)])
    yield BlockReason.AMBIGUOUS, planned(acme(connections=[connection("okta", **IDP)]), seen=(one,))
    two = [connection("okta", **IDP), connection("entra", entity="urn:c")]
    yield BlockReason.AMBIGUOUS, planned(acme(connections=two), seen=(one,))
    yield BlockReason.PIN_NOT_FOUND, planned(acme(id_=org_id(9)), seen=(live(1),))
    yield (
        BlockReason.PIN_NOT_FOUND,
        planned(acme(connections=[connection("okta", id_=conn_id(9))]), seen=(one,)),
    )
    claims = organization("globex", id_=org_id(1))
    yield BlockReason.CLAIMED_TWICE, planned(acme(), claims, seen=(live(1, "acme"),))
    pins = [connection(name, id_=conn_id(1)) for name in ("okta", "entra")]
    yield BlockReason.CLAIMED_TWICE, planned(acme(connections=pins), seen=(one,))
    yield BlockReason.NO_IDENTITY, planned(acme())
    moved = organization("globex", id_=org_id(2), external_id="acme")
    yield BlockReason.EXTERNAL_ID_HELD, planned(moved, seen=(live(1, "acme"), live(2, "globex")))
    taker = acme(domains=("a.example",))
    holder = live(2, "other", domains=["a.example"])
    yield BlockReason.DOMAIN_HELD, planned(taker, seen=(live(1, "acme"), holder))
    swap = [acme(domains=("b.example",)), organization("globex", domains=("a.example",))]
    seen = live(1, "acme", domains=["a.example"]), live(2, "globex", domains=["b.example"])
    yield BlockReason.DOMAIN_HELD, planned(*swap, seen=seen)
    primary = live_connection(1, primary=True, **IDP)
    beside = live(1, "acme", connections=[primary])
    new = [connection("okta", id_=conn_id(1)), connection("new", primary=True, **OTHER)]
    yield BlockReason.PRIMARY, planned(acme(connections=new), seen=(beside,))
    demoted = [connection("okta", primary=False, **IDP)]
    yield BlockReason.PRIMARY, planned(acme(connections=demoted), seen=(beside,))
    half = live(1, "acme", connections=[live_connection(1)])
    promoted = [connection("okta", primary=True)]
    yield BlockReason.INCOMPLETE_IDP, planned(acme(connections=promoted), seen=(half,))
    unread = live(1, "acme", connections=Unreadable("GET /v1/saml-connections: no answer within 10 s"))
    yield BlockReason.UNREADABLE, planned(acme(connections=[]), seen=(unread,))
    invalid = InvalidOrganization("acme", None, None, "acme.yaml:4:8: wrong", Origin("acme.yaml", 4, 8))
    yield BlockReason.INVALID_MANIFEST, planned(invalid=[invalid])
    token = [directory("okta", issue_token=True)]
    live_token = live(1, "acme", directories=[live_directory(1, token=True)])
    lost = {("acme", "okta"): record(RecordState.PENDING, 1, dir_id(1))}
    yield BlockReason.TOKEN_LOST, planned(acme(directories=token), seen=(live_token,), records=lost)
    foreign = {("acme", None): record(RecordState.ISSUED, 9)}
    linked = acme(setup_link=SAML_LINK)
    yield BlockReason.UNUSABLE_RECORD, planned(linked, seen=(live(1, "acme", connections=[]),), records=foreign)
    yield BlockReason.INCOMPLETE_SOURCE, planned(named, complete=False)
    protected = Protected(domains=frozenset({"bank.example"}))
    yield (
        BlockReason.PROTECTED,
        plan(desired(acme(domains=("bank.example",))), observed(), 0.0, protected=protected),
    )
    yield from _moving()


def _moving() -> Iterator[tuple[BlockReason, Plan]]:
    """What moves between organizations, and cannot."""
    giver, taken = acme(domains=()), live(1, "acme", domains=["a.example"])
    later = organization("globex", domains=("a.example",), suspend="later")
    yield BlockReason.DOMAIN_KEPT, planned(giver, later, seen=(taken, live(2, "globex")))
    yield BlockReason.DOMAIN_KEPT, planned(giver, complete=False, seen=(taken,))
    chain = [organization(name, id_=org_id(number), external_id=key) for name, number, key in KEYS_SWAPPED]
    yield BlockReason.EXTERNAL_ID_HELD, planned(*chain, seen=(live(1, "1"), live(2, "2")))


def hinted() -> Iterator[tuple[HintReason, Plan]]:
    """Each reason, with a plan that hints at something for it."""
    twins = live(1, "acme", connections=[live_connection(1, **IDP), live_connection(2, **IDP)])
    equal = [connection("okta", **IDP), connection("entra", **IDP)]
    yield HintReason.UNPINNED, planned(acme(connections=equal), seen=(twins,))
    observing = acme(display_name="Acme", ownership=Ownership.OBSERVE)
    yield HintReason.OBSERVED_ONLY, planned(observing, seen=(live(1, "acme"),))
    giver = acme(domains=())
    later = organization("globex", domains=("a.example",), suspend="later")
    seen = live(1, "acme", domains=["a.example"]), live(2, "globex")
    yield HintReason.DOMAIN_STAYS, planned(giver, later, seen=seen)
    yield HintReason.LIVE_CHILDREN, planned(acme(connections=[]), seen=(twins,))
    lone = live(1, "acme", directories=[live_directory(1)])
    yield HintReason.NO_PRIMARY, planned(acme(directories=[directory("okta")]), seen=(lone,))
    yield HintReason.NO_TARGET, planned(acme(setup_link=SAML_LINK), seen=(live(1, "acme", connections=[]),))
    token = acme(directories=[directory("okta", issue_token=True)])
    yield HintReason.NO_TARGET, planned(token, seen=(live(1, "acme", directories=[live_directory(1)]),))


def refused() -> Plan:
    """A plan that every guard refuses."""
    keys = [Key(f"o{number}", KindName.ORGANIZATION, f"o{number}") for number in range(121)]
    name = FieldChange("externalId", "externalId", "a", "b", "risk")
    changes = (*(update(key, name) for key in keys[:11]), *(create(key) for key in keys[11:]))
    made = structs.replace(EMPTY, changes=changes, matched=11)
    return structs.replace(made, refusals=refusals(made, {}, None))
