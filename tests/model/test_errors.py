"""The tree of errors: what each is, what it means for the next step, and what it says."""

from __future__ import annotations

import re

import pytest

from reconciler.model import errors
from reconciler.model.errors import ApiError, ReconcilerError, UsageError, internal
from reconciler.model.kinds import CONNECTION

TREE = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, ReconcilerError)]
# The tree as its module draws it: each class with its exit code and what it means for the next step.
ROWS = dict(re.findall(r"(\w+) +(\d+ +[rnh]*) ", errors.__doc__ or ""))


@pytest.mark.parametrize("error", TREE)
def test_an_error_has_a_message_a_hint_and_a_stable_name(error: type[ReconcilerError]) -> None:
    raised = error("what and why", hint="what to do")
    assert (raised.message, raised.hint, str(raised)) == ("what and why", "what to do", "what and why")
    assert raised.code == error.__name__


@pytest.mark.parametrize("error", TREE)
def test_an_error_means_what_the_tree_in_its_module_says(error: type[ReconcilerError]) -> None:
    meanings = {"r": error.retryable, "n": error.certainly_not_done, "h": error.halts}
    said = f"{error.exit_code} {''.join(letter for letter, true in meanings.items() if true)}"
    assert " ".join(ROWS[error.__name__].split()) == said.strip()


def test_what_halts_is_not_repeated_and_what_may_have_been_done_is_never_sent_again() -> None:
    assert not [error for error in TREE if error.halts and error.retryable]
    assert [error for error in TREE if error.retryable and error.certainly_not_done] == [errors.Unsent]


def test_without_a_hint_there_is_none() -> None:
    assert UsageError("wrong").hint == ""


def test_an_api_error_begins_with_its_route_and_keeps_what_is_known_of_the_answer() -> None:
    error = ApiError("it broke", route="GET /v1/organizations", status=500, hint="wait", retry_after_s=2.0)
    assert error.message == "GET /v1/organizations: it broke"
    assert (error.route, error.status, error.hint, error.retry_after_s) == (
        "GET /v1/organizations",
        500,
        "wait",
        2.0,
    )


def test_an_api_error_without_an_answer_knows_nothing_of_one() -> None:
    error = ApiError("no answer")
    assert (error.message, error.route, error.status, error.retry_after_s) == ("no answer", "", None, None)


def test_a_fault_of_our_own_is_named_by_its_kind_and_place_and_never_by_its_text() -> None:
    try:
        CONNECTION.field("canary-secret")
    except KeyError as error:
        told = internal(error)
    assert told.message.startswith("internal error: KeyError at model/kinds.py:")
    assert "canary" not in told.message + told.hint
    assert told.exit_code == 1
    assert internal(ValueError("canary")).message == "internal error: ValueError at an unknown place"


def test_an_error_as_one_line_is_its_message_and_what_to_do() -> None:
    assert UsageError("it broke.", hint="wait a while").whole == "it broke. Wait a while"
    assert UsageError("it broke", hint="Wait").whole == "it broke. Wait"
    assert UsageError("it broke").whole == "it broke"
