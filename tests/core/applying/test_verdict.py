"""What a finished pass comes to: exit code, result, reason and retry, each stated here once."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from reconciler.core.applying.verdict import FINDINGS, PassResult, exit_code, judge, judge_error
from reconciler.model import errors
from reconciler.model.change import NOT_APPROVED, Blocked, BlockReason, Duplicate, HintReason, Refusal
from reconciler.model.errors import Interrupted, Unauthorized
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin, Problem, Severity
from reconciler.model.outcome import GOOD, Halt, Outcome, Pass, Report, Result
from reconciler.model.state import Loaded
from tests.support.build import PLACE, conn_id, desired
from tests.support.plans import ACME, EMPTY, OKTA

DESIRED = desired()
LOADED = Loaded("manifests/production", DESIRED, (), files=2, manifests=2, revision="r1")
ERROR = Problem("schema/unknown-field", Severity.ERROR, Origin("acme.yaml", 4, 3), "no such field")
WARNING = Problem("no-primary", Severity.WARNING, Origin("acme.yaml", 4, 3), "nobody is primary")
UNREADABLE, AMBIGUOUS = (
    Blocked(reason, "why", "globex", KindName.ORGANIZATION, None, PLACE)
    for reason in (BlockReason.UNREADABLE, BlockReason.AMBIGUOUS)
)
TWIN = Duplicate(KindName.CONNECTION, "globex", "okta", (conn_id(1), conn_id(2)))
REFUSAL = Refusal("maxCreates", "too many")
REVOKED = Halt("Unauthorized", "the key was refused", 3)
STOPPED = Halt("Interrupted", "asked to stop", 5)
LOST = Halt("ReconcilerError", "internal error", 1)


def ended(
    *results: Result,
    halt: Halt | None = None,
    problems: tuple[Problem, ...] = (),
    complete: bool = True,
    **plan: Any,
) -> Pass:
    """A pass with a change for each result, and with whatever else the plan has."""
    changes = tuple(change for change, _ in zip((ACME, OKTA), results, strict=False))
    outcomes = tuple(Outcome(change, result) for change, result in zip(changes, results, strict=True))
    loaded = structs.replace(LOADED, problems=problems, desired=structs.replace(DESIRED, complete=complete))
    return Pass(loaded, Report(structs.replace(EMPTY, **({"changes": changes} | plan)), outcomes, halt))


class Row(NamedTuple):
    """A pass, and what is made of it."""

    finished: Pass
    code: int
    result: str
    reason: str
    retry: bool = False


FAILED, DONE = Result.FAILED, Result.APPLIED
TABLE = {
    "nothing to do": Row(ended(), 0, "success", "Reconciled"),
    "only read": Row(Pass(LOADED), 0, "success", "Reconciled"),
    "done": Row(ended(DONE, Result.SATISFIED), 0, "success", "Reconciled"),
    "warnings": Row(ended(problems=(WARNING,)), 0, "success", "Reconciled"),
    "pending": Row(ended(changes=(ACME,)), 0, "partly", "Pending"),
    "blocked": Row(ended(blocked=(AMBIGUOUS,)), 4, "partly", "Partly"),
    "blocked, done": Row(ended(DONE, blocked=(AMBIGUOUS,)), 4, "partly", "Partly"),
    "duplicate": Row(ended(DONE, duplicates=(TWIN,)), 0, "partly", "Duplicate"),
    "pending, duplicate": Row(ended(changes=(ACME,), duplicates=(TWIN,)), 0, "partly", "Pending"),
    "unreadable": Row(ended(blocked=(AMBIGUOUS, UNREADABLE)), 4, "partly", "Partly", retry=True),
    "not done": Row(ended(DONE, FAILED), 4, "partly", "Partly", retry=True),
    "refused": Row(ended(changes=(ACME,), refusals=(REFUSAL,)), 6, "refused", "Guarded"),
    "refused, blocked": Row(
        ended(changes=(ACME,), blocked=(AMBIGUOUS,), refusals=(REFUSAL,)), 6, "refused", "Guarded"
    ),
    "another plan approved": Row(
        ended(changes=(ACME,), refusals=(Refusal(NOT_APPROVED, "another"), REFUSAL)), 7, "refused", "NotApproved"
    ),
    "invalid": Row(ended(problems=(ERROR,)), 8, "success", "Reconciled"),
    "invalid, refused": Row(ended(problems=(ERROR,), refusals=(REFUSAL,)), 8, "refused", "Guarded"),
    "invalid, not done": Row(ended(FAILED, problems=(ERROR,)), 8, "partly", "Partly", retry=True),
    "unparsed": Row(ended(complete=False), 8, "partly", "IncompleteSource"),
    "unusable": Row(Pass(structs.replace(LOADED, desired=None)), 8, "error", "SourceError", retry=True),
    "fault of our own, invalid": Row(
        ended(FAILED, halt=LOST, problems=(ERROR,)), 1, "partly", "ReconcilerError", retry=True
    ),
    "key revoked, invalid": Row(
        ended(DONE, halt=REVOKED, problems=(ERROR,)), 3, "partly", "Unauthorized", retry=True
    ),
    "stopped, invalid, not done": Row(
        ended(FAILED, halt=STOPPED, problems=(ERROR,)), 5, "partly", "Interrupted", retry=True
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_the_verdict_on_a_pass(case: str) -> None:
    finished, *expected = TABLE[case]
    verdict = judge(finished)
    assert [verdict.exit_code, verdict.result, verdict.reason, verdict.retry] == expected


def test_a_pass_that_left_nothing_has_nothing_to_say() -> None:
    assert [judge(ended(DONE)).message, judge(ended(DONE, problems=(ERROR,))).message] == ["", ""]


@pytest.mark.parametrize("result", sorted(set(Result) - GOOD))
def test_whatever_a_change_ended_in_but_success_is_4_and_tried_again(result: Result) -> None:
    assert (judge(ended(result)).exit_code, judge(ended(result)).retry) == (4, True)


DOCUMENTED = [64, 5, 3, 1, 8, 7, 6, 4, 2, 0]


@given(st.lists(st.sampled_from(DOCUMENTED)))
def test_of_several_exit_codes_the_documented_first_is_it(codes: list[int]) -> None:
    assert exit_code(*codes) == next((code for code in DOCUMENTED if code in codes), 0)


@pytest.mark.parametrize(
    ("finished", "message"),
    [
        (ended(FAILED, Result.STALE, blocked=(AMBIGUOUS,)), "2 changes did not succeed, 1 resource is blocked"),
        (ended(FAILED), "1 change did not succeed"),
        (ended(blocked=(AMBIGUOUS, UNREADABLE)), "2 resources are blocked"),
        (ended(changes=(ACME,)), "1 change pending; this environment is in plan-only mode"),
        (ended(changes=(ACME,), refusals=(REFUSAL, REFUSAL)), "too many; too many"),
        (ended(halt=STOPPED), "asked to stop"),
        (
            Pass(structs.replace(LOADED, desired=None)),
            "manifests/production cannot be used: some manifest has errors",
        ),
        (
            Pass(structs.replace(LOADED, desired=None, fatal=(ERROR, ERROR))),
            "manifests/production cannot be used: acme.yaml:4:3: no such field (and 1 more)",
        ),
        (
            Pass(structs.replace(LOADED, desired=None, fatal=(ERROR,))),
            "manifests/production cannot be used: acme.yaml:4:3: no such field",
        ),
    ],
)
def test_what_is_left_is_told_in_one_sentence(finished: Pass, message: str) -> None:
    assert judge(finished).message == message


def test_a_folder_that_cannot_be_used_comes_with_the_command_that_says_all() -> None:
    assert (
        judge(Pass(structs.replace(LOADED, desired=None))).hint
        == "Run `reconciler validate manifests/production`."
    )
    assert judge(ended(FAILED)).hint == ""


def test_a_duplicate_is_counted_in_words() -> None:
    assert judge(ended(duplicates=(TWIN,))).message == "1 resource is live more than once"
    assert judge(ended(duplicates=(TWIN, TWIN))).message == "2 resources are live more than once"


def test_a_reason_means_one_thing() -> None:
    """Whoever alerts on a reason gets that alone: a guard's, the API's, a block's, the end of a change."""
    ends = [result.capitalize() for result in set(Result) - GOOD]
    reasons = [*BlockReason, *HintReason, *ends, *{row.reason for row in FINDINGS}]
    codes = [error.__name__ for error in vars(errors).values() if isinstance(error, type)]
    twice = {word for word, number in Counter([*reasons, *codes]).items() if number > 1}
    assert twice == {
        "IncompleteSource",
        "SourceError",
    }  # each of one matter, where a pass is and where it is blocked


def test_an_error_that_ended_the_pass_gives_its_words_and_its_code() -> None:
    verdict = judge_error(Unauthorized("the key was refused", route="GET /v1/organizations", hint="Correct it."))
    assert (verdict.result, verdict.reason, verdict.exit_code) == (PassResult.ERROR, "Unauthorized", 3)
    assert (verdict.message, verdict.hint) == ("GET /v1/organizations: the key was refused", "Correct it.")
    assert verdict.retry
    assert judge_error(Interrupted("asked to stop")).exit_code == 5
