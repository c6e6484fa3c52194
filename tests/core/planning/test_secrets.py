"""Which bearer tokens and setup links a pass makes, and which it leaves."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.core.planning.secrets import IssuePlan, configured, plan_link, plan_token
from reconciler.model.change import BlockReason, HintReason, IssueLink, IssueToken, Key, Ref
from reconciler.model.kinds import KindName
from reconciler.model.state import Child, Ownership, Record, RecordState, SetupLink, Unreadable
from tests.support.build import (
    BOTH_LINK,
    CONNECTION,
    DIRECTORY,
    SAML_LINK,
    dir_id,
    directory,
    live_connection,
    live_directory,
    org_id,
    organization,
)

NOW = 1000.0
FULL = {"entity": "e", "url": "u", "cert": "c"}
PARENT = Ref(Key("acme", KindName.ORGANIZATION, "acme"))


def link_record(state: RecordState = RecordState.ISSUED, **more: Any) -> Record:
    values: dict[str, Any] = {
        "saml": True,
        "scim": True,
        "expires_at": NOW + 1,
        "organization_id": org_id(1),
    } | more
    return Record(state=state, directory_id=None, issued_at=0.0, **values)


def link(
    wanted: SetupLink | None,
    *connections: Child,
    directories: tuple[Child, ...] = (),
    record: Record | Unreadable | None = None,
    records: Any = "",
    parent: Any = None,
    ownership: Ownership = Ownership.FULL,
) -> IssuePlan:
    if records == "":
        records = {("acme", None): record} if record else {}
    declared = organization("acme", setup_link=wanted, ownership=ownership)
    live = {CONNECTION: connections, DIRECTORY: directories}
    return plan_link(declared, parent or org_id(1), live, records, NOW)


# -- what is configured ----------------------------------------------------------------------------


def test_a_part_is_configured_by_one_complete_connection_or_one_directory_with_a_token() -> None:
    assert configured({}) == SetupLink(saml=False, scim=False)
    blank = {CONNECTION: (live_connection(1),), DIRECTORY: (live_directory(1),)}
    assert configured(blank) == SetupLink(saml=False, scim=False)
    assert configured({CONNECTION: (live_connection(1), live_connection(2, **FULL))}) == SetupLink(True, False)
    assert configured({DIRECTORY: (live_directory(1), live_directory(2, token=True))}) == SetupLink(False, True)


@pytest.mark.parametrize("missing", FULL)
def test_two_halves_make_no_configured_connection(missing: str) -> None:
    half = {key: value for key, value in FULL.items() if key != missing}
    seen = (live_connection(1, **half), live_connection(2, **{missing: "x"}))
    assert not configured({CONNECTION: seen}).saml


# -- setup links -----------------------------------------------------------------------------------


def test_a_link_is_made_for_what_is_wanted_and_not_configured() -> None:
    (change,) = link(BOTH_LINK, live_connection(1)).changes
    assert (type(change), change.key) == (IssueLink, Key("acme", KindName.SETUP_LINK, "setup-link"))
    assert (change.live_id, change.parent, change.needs) == (org_id(1), org_id(1), ())
    assert change.extent == BOTH_LINK
    (rest,) = link(BOTH_LINK, live_connection(1, **FULL)).changes
    assert rest.extent == SetupLink(saml=False, scim=True)
    (other,) = link(BOTH_LINK, directories=(live_directory(1, token=True),)).changes
    assert other.extent == SetupLink(saml=True, scim=False)


def test_no_link_is_made_where_none_is_wanted_or_all_is_configured() -> None:
    assert link(None) == IssuePlan()
    assert link(SAML_LINK, live_connection(1, **FULL)) == IssuePlan()
    assert link(SetupLink(saml=False, scim=True), directories=(live_directory(1, token=True),)) == IssuePlan()
    assert link(SetupLink(saml=False, scim=False)) == IssuePlan()


def test_the_link_of_a_new_organization_is_for_whatever_is_created() -> None:
    (change,) = link(SAML_LINK, parent=PARENT).changes
    assert (change.live_id, change.parent) == (None, PARENT)


def test_nothing_is_made_where_git_only_observes() -> None:
    assert link(SAML_LINK, ownership=Ownership.OBSERVE) == IssuePlan()
    assert link(SAML_LINK, ownership=Ownership.OBSERVE, records=None) == IssuePlan()
    assert len(link(SAML_LINK, ownership=Ownership.CREATE_ONLY).changes) == 1


def test_without_a_target_no_link_is_made_and_the_plan_says_so() -> None:
    made = link(SAML_LINK, records=None)
    (hint,) = made.hints
    assert (made.changes, hint.reason, hint.organization, hint.name) == ((), HintReason.NO_TARGET, "acme", None)
    assert "setup link" in hint.message
    assert link(SAML_LINK, live_connection(1, **FULL), records=None) == IssuePlan()


def test_a_delivered_link_that_is_still_good_is_enough() -> None:
    assert link(BOTH_LINK, record=link_record()) == IssuePlan()
    assert link(SAML_LINK, record=link_record(scim=False)) == IssuePlan()
    assert link(BOTH_LINK, live_connection(1, **FULL), record=link_record(saml=False)) == IssuePlan()


@pytest.mark.parametrize(
    "record",
    [
        link_record(RecordState.PENDING),
        link_record(saml=False),
        link_record(scim=False),
        link_record(expires_at=NOW),
        link_record(expires_at=None),
    ],
)
def test_a_link_that_is_lost_expired_or_too_narrow_is_made_again(record: Record) -> None:
    assert [change.extent for change in link(BOTH_LINK, record=record).changes] == [BOTH_LINK]


# -- bearer tokens ---------------------------------------------------------------------------------


def token(
    live: Child | None,
    record: Record | Unreadable | None = None,
    *,
    records: Any = "",
    ownership: Ownership = Ownership.FULL,
) -> IssuePlan:
    child = directory("okta", issue_token=True)
    wanted = organization("acme", directories=[child], ownership=ownership)
    if records == "":
        records = {("acme", "okta"): record} if record else {}
    return plan_token(wanted, child, live, org_id(1), records)


def token_record(state: RecordState, number: int = 1) -> Record:
    return Record(state, org_id(1), dir_id(number), saml=False, scim=False, issued_at=0.0, expires_at=None)


def test_a_token_is_made_for_a_directory_that_has_none() -> None:
    (change,) = token(live_directory(1)).changes
    assert (type(change), change.key) == (IssueToken, Key("acme", KindName.BEARER_TOKEN, "okta"))
    assert (change.directory, change.parent, change.needs) == (dir_id(1), org_id(1), ())


def test_the_token_of_a_new_directory_waits_for_it() -> None:
    key = Key("acme", KindName.DIRECTORY, "okta")
    (change,) = token(None).changes
    assert (change.directory, change.live_id, change.parent, change.needs) == (Ref(key), None, org_id(1), (key,))


def test_a_directory_that_has_a_token_is_left_alone() -> None:
    """Rotating would cut the customer's provisioning off."""
    seen = live_directory(1, token=True)
    issued, elsewhere = token_record(RecordState.ISSUED), token_record(RecordState.PENDING, 2)
    for record in (None, issued, elsewhere):
        assert token(seen, record) == IssuePlan()
    assert token(seen, records=None) == IssuePlan()


def test_a_token_that_was_made_and_never_kept_is_lost() -> None:
    made = token(live_directory(1, token=True), token_record(RecordState.PENDING))
    (block,) = made.blocked
    assert (made.changes, block.reason) == ((), BlockReason.TOKEN_LOST)
    assert (block.organization, block.kind, block.name) == ("acme", DIRECTORY, "okta")
    assert dir_id(1) in block.message
    assert "`reconciler rotate-token acme okta`" in block.message


@pytest.mark.parametrize("state", RecordState)
def test_a_token_that_is_not_there_is_made_whatever_stands_in_the_target(state: RecordState) -> None:
    assert len(token(live_directory(1), token_record(state)).changes) == 1


UNUSABLE = {
    "another organization's link": lambda: link(BOTH_LINK, record=link_record(organization_id=org_id(2))),
    "a link, the organization is to be created": lambda: link(BOTH_LINK, parent=PARENT, record=link_record()),
    "an unreadable link": lambda: link(BOTH_LINK, record=Unreadable("no permission")),
    "another directory's token": lambda: token(live_directory(1), token_record(RecordState.ISSUED, 2)),
    "a token, the directory is to be created": lambda: token(None, token_record(RecordState.ISSUED)),
    "an unreadable token": lambda: token(live_directory(1), Unreadable("no permission")),
}


@pytest.mark.parametrize("record", UNUSABLE)
def test_a_secret_is_not_issued_over_a_record_that_is_not_its_own(record: str) -> None:
    """Somebody's only copy of a secret may be in it, so that one secret is blocked, and no other."""
    made = UNUSABLE[record]()
    assert made.changes == ()
    assert [block.reason for block in made.blocked] == [BlockReason.UNUSABLE_RECORD]
    assert ("no permission" in made.blocked[0].message) is ("unreadable" in record)


def test_a_record_that_cannot_be_read_blocks_nothing_that_is_already_done() -> None:
    unreadable = Unreadable("no permission")
    assert token(live_directory(1, token=True), unreadable) == IssuePlan()
    assert link(SAML_LINK, live_connection(1, **FULL), record=unreadable) == IssuePlan()


def test_without_a_target_no_token_is_made_and_the_plan_says_so() -> None:
    made = token(live_directory(1), records=None)
    (hint,) = made.hints
    assert (made.changes, hint.reason, hint.organization, hint.name) == ((), HintReason.NO_TARGET, "acme", "okta")
    assert "bearer token" in hint.message


def test_no_token_is_made_where_git_only_observes() -> None:
    lost = token_record(RecordState.PENDING)
    assert token(live_directory(1), ownership=Ownership.OBSERVE) == IssuePlan()
    assert token(live_directory(1, token=True), lost, ownership=Ownership.OBSERVE) == IssuePlan()
    assert len(token(live_directory(1), ownership=Ownership.CREATE_ONLY).changes) == 1
