"""What stands true of each organization after a pass."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import structs

from reconciler.core.applying.conditions import Conditions, conclude
from reconciler.core.planning.plan import plan
from reconciler.model.change import Blocked, BlockReason, Duplicate, Hint, HintReason, Key, Refusal
from reconciler.model.condition import Condition, ConditionType
from reconciler.model.kinds import KindName
from reconciler.model.outcome import GOOD, Halt, Outcome, Report, Result
from tests.support.build import PLACE, conn_id, create, desired, live, observed, organization, update

EMPTY = plan(desired(), observed(), 0)
BLOCKED = Blocked(BlockReason.AMBIGUOUS, "which one?", "acme", KindName.ORGANIZATION, None, PLACE)
UPDATE = update(Key("acme", KindName.ORGANIZATION, "acme"))
CREATE = create(Key("acme", KindName.CONNECTION, "okta"))


def report(*outcomes: Outcome, halt: Halt | None = None, **of_plan: Any) -> Report:
    changes = tuple(outcome.change for outcome in outcomes)
    return Report(structs.replace(EMPTY, **({"changes": changes} | of_plan)), outcomes, halt)


def concluded(made: Report, previous: Conditions | None = None, now: float = 10.0) -> dict[str, Any]:
    """Each organization's conditions as (status, reason, message), by type."""
    return {
        name: {c.type: (c.status, c.reason, c.message) for c in conditions}
        for name, conditions in conclude(made, previous or {}, now).items()
    }


def test_an_organization_of_which_there_is_nothing_to_say_has_no_conditions() -> None:
    made = plan(desired(organization("acme")), observed(live(1, "acme")), 0)
    assert conclude(Report(made), {}, 10.0) == {}


@pytest.mark.parametrize("result", sorted(GOOD))
def test_what_was_done_is_ready(result: Result) -> None:
    assert concluded(report(Outcome(UPDATE, result, error="none"))) == {
        "acme": {ConditionType.READY: (True, "Reconciled", "")}
    }


@pytest.mark.parametrize("result", sorted(set(Result) - GOOD))
def test_what_did_not_succeed_is_blocked_and_not_ready(result: Result) -> None:
    reason = str(result).capitalize()
    assert concluded(report(Outcome(UPDATE, result, error="why"))) == {
        "acme": {ConditionType.READY: (False, reason, "why"), ConditionType.BLOCKED: (True, reason, "why")}
    }
    silent = concluded(report(Outcome(UPDATE, result)))
    assert silent["acme"][ConditionType.READY] == (False, reason, "")


def test_only_an_unknown_create_is_uncertain() -> None:
    assert concluded(report(Outcome(CREATE, Result.UNKNOWN, error="lost"))) == {
        "acme": {
            ConditionType.READY: (False, "Unknown", "lost"),
            ConditionType.CREATE_UNCERTAIN: (True, "Unknown", "lost"),
        }
    }
    assert ConditionType.BLOCKED in concluded(report(Outcome(CREATE, Result.FAILED)))["acme"]
    assert ConditionType.BLOCKED in concluded(report(Outcome(UPDATE, Result.UNKNOWN)))["acme"]


def test_what_the_plan_leaves_alone_says_why() -> None:
    lost = structs.replace(BLOCKED, reason=BlockReason.TOKEN_LOST, message="rotate", organization="globex")
    found = concluded(report(blocked=(BLOCKED, lost), suspended={"initech": "ask Kim"}))
    assert found == {
        "acme": {
            ConditionType.READY: (False, "Ambiguous", "which one?"),
            ConditionType.BLOCKED: (True, "Ambiguous", "which one?"),
        },
        "globex": {
            ConditionType.READY: (False, "TokenLost", "rotate"),
            ConditionType.TOKEN_LOST: (True, "TokenLost", "rotate"),
        },
        "initech": {
            ConditionType.READY: (False, "Suspended", "ask Kim"),
            ConditionType.SUSPENDED: (True, "Suspended", "ask Kim"),
        },
    }


def test_what_is_live_more_than_once_is_a_condition_and_not_ready() -> None:
    twin = Duplicate(KindName.CONNECTION, "acme", "okta", (conn_id(1), conn_id(2)))
    assert concluded(report(duplicates=(twin,))) == {
        "acme": {
            ConditionType.READY: (False, "Duplicate", twin.message),
            ConditionType.DUPLICATE: (True, "Duplicate", twin.message),
        }
    }
    assert f"{conn_id(1)} and {conn_id(2)}" in twin.message


def test_a_lone_directory_that_is_not_primary_is_a_condition_beside_ready() -> None:
    hints = (
        Hint(HintReason.NO_PRIMARY, "nobody reads it", "acme", "okta"),
        Hint(HintReason.NO_TARGET, "no target", "globex"),
    )
    assert concluded(report(hints=hints)) == {
        "acme": {
            ConditionType.READY: (True, "Reconciled", ""),
            ConditionType.NO_PRIMARY: (True, "NoPrimary", "nobody reads it"),
        }
    }


def test_several_conditions_hold_at_once_each_by_its_first_reason() -> None:
    lost = structs.replace(BLOCKED, reason=BlockReason.TOKEN_LOST, message="rotate")
    second = structs.replace(BLOCKED, reason=BlockReason.PRIMARY, message="none left")
    outcomes = (Outcome(UPDATE, Result.FAILED, error="refused"), Outcome(CREATE, Result.UNKNOWN, error="lost"))
    found = concluded(report(*outcomes, blocked=(BLOCKED, second, lost)))
    assert found["acme"] == {
        ConditionType.READY: (False, "Ambiguous", "which one?"),
        ConditionType.BLOCKED: (True, "Ambiguous", "which one?"),
        ConditionType.TOKEN_LOST: (True, "TokenLost", "rotate"),
        ConditionType.CREATE_UNCERTAIN: (True, "Unknown", "lost"),
    }


# -- what was not started --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "reason", "message"),
    [
        ({"refusals": (Refusal("maxCreates", "too many"), Refusal("x", "y"))}, "Guarded", "too many"),
        ({"halt": Halt("Interrupted", "asked to stop", 5)}, "Halted", "asked to stop"),
        ({}, "Pending", "it differs from git; this environment is in plan-only mode"),
    ],
)
def test_an_organization_whose_change_was_not_started_is_not_ready(more: Any, reason: str, message: str) -> None:
    assert concluded(report(changes=(UPDATE,), **more)) == {
        "acme": {ConditionType.READY: (False, reason, message)}
    }


def test_a_change_left_beside_one_that_was_made_is_still_pending() -> None:
    made = report(
        Outcome(UPDATE, Result.APPLIED), changes=(UPDATE, CREATE), halt=Halt("Unauthorized", "revoked", 3)
    )
    assert concluded(made)["acme"] == {ConditionType.READY: (False, "Halted", "revoked")}
    worse = report(Outcome(UPDATE, Result.FAILED, error="no"), changes=(UPDATE, CREATE))
    assert concluded(worse)["acme"][ConditionType.READY] == (False, "Failed", "no")


# -- since when ------------------------------------------------------------------------------------


def since(made: Report, previous: Conditions, now: float) -> dict[ConditionType, float]:
    return {c.type: c.since for c in conclude(made, previous, now)["acme"]}


def test_a_condition_stands_since_its_status_changed_whatever_its_reason() -> None:
    first = conclude(report(blocked=(BLOCKED,)), {}, 10.0)
    assert {c.since for c in first["acme"]} == {10.0}
    other = structs.replace(BLOCKED, reason=BlockReason.PRIMARY)
    assert since(report(blocked=(other,)), first, 20.0) == {ConditionType.READY: 10.0, ConditionType.BLOCKED: 10.0}


def test_an_organization_that_recovered_is_ready_since_then() -> None:
    blocked = conclude(report(blocked=(BLOCKED,)), {}, 10.0)
    recovered = conclude(report(revision="r2"), blocked, 20.0)
    assert recovered == {"acme": (Condition(ConditionType.READY, True, "Reconciled", "", "r2", 20.0),)}
    assert since(report(), recovered, 30.0) == {ConditionType.READY: 20.0}
    again = since(report(blocked=(BLOCKED,)), recovered, 40.0)
    assert again == {ConditionType.READY: 40.0, ConditionType.BLOCKED: 40.0}


def test_organizations_stand_by_name() -> None:
    names = [f"o{number:02}" for number in range(50)]  # so many stand in order by no chance
    made = report(suspended=dict.fromkeys(reversed(names), "x"))
    assert list(conclude(made, {}, 0)) == names
