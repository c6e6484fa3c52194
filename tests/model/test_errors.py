"""The tree of errors: what each is, the exit code it means, and what it says."""

from __future__ import annotations

import pytest

from reconciler.model import errors
from reconciler.model.errors import ApiError, ReconcilerError, UsageError, internal
from reconciler.model.kinds import CONNECTION

TREE = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, ReconcilerError)]
EXIT_CODES = {
    "ReconcilerError": 1, "UsageError": 64, "CredentialsError": 3, "SourceError": 8, "WrongEnvironment": 6,
    "DeliveryError": 1, "DeliveryLost": 1, "Interrupted": 5, "ApiError": 1, "Unauthorized": 3, "Refused": 1,
    "NotFound": 1, "Taken": 1, "Unsent": 1, "Overrun": 1, "Uncertain": 1, "BadAnswer": 1,
}  # fmt: skip


@pytest.mark.parametrize("error", TREE)
def test_an_error_has_a_message_a_hint_an_exit_code_and_a_stable_name(error: type[ReconcilerError]) -> None:
    raised = error("what and why", hint="what to do")
    assert (raised.message, raised.hint, str(raised)) == ("what and why", "what to do", "what and why")
    assert raised.code == error.__name__
    assert raised.exit_code == EXIT_CODES[error.__name__]


def test_the_tree_is_complete_and_drawn_in_its_module() -> None:
    assert {each.__name__ for each in TREE} == set(EXIT_CODES)
    assert all(each.__name__ in (errors.__doc__ or "") for each in TREE)


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
