"""The emulator, and a real server if one is named, respond as a running server did when it was recorded.

`transcripts.json` and `corners.json` hold scenarios: steps of a request and its response. Each scenario is one
test against each target.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.contract.conftest import Response, Target
from tests.contract.replay import Replay

SCENARIOS = [
    scenario
    for name in ("transcripts.json", "corners.json")
    for scenario in json.loads(Path(__file__).with_name(name).read_text(encoding="utf-8"))
]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario["scenario"])
def test_it_responds_as_recorded(scenario: Mapping[str, Any], target: Target) -> None:
    replay = Replay(target)
    for step in scenario["steps"]:
        try:
            replay.step(step)
        except AssertionError as error:
            error.add_note(f"step: {step['what']}")
            raise


def test_no_two_scenarios_share_a_name() -> None:
    names = [scenario["scenario"] for scenario in SCENARIOS]
    assert len(names) == len(set(names))


RECORDED = {
    "items": [{"id": "${org.2}", "name": "b"}, {"id": "${org.1}", "name": "a"}],
    "nextPageToken": "${pageToken.1}",
    "url": "http://127.0.0.1:18081/v1/saml/${org.1}/acs",
}


def response(*items: tuple[int, str], token: str = "t" * 104, url: str = "https://auth/v1/saml/{}/acs") -> dict:
    """A response that fits the recorded one if the items are (1, "a") and (2, "b")."""
    listed = [{"id": org(number), "name": name} for number, name in items]
    return {"items": listed, "nextPageToken": token, "url": url.format(org(1))}


def org(number: int) -> str:
    return f"org_{number:025}"


def compared(*responses: dict, known: Sequence[int] = (1, 2)) -> None:
    """Compare each response with the recorded one; the ids in `known` were seen before, in this order."""
    bodies = iter(responses)

    def send(*_: Any) -> Response:
        return Response(200, "application/json", json.dumps(next(bodies)).encode())

    replay = Replay(Target(send, {}))
    replay.known = {f"${{org.{index}}}": org(number) for index, number in enumerate(known, 1)}
    response = {"status": 200, "contentType": "application/json", "body": RECORDED}
    for _ in responses:
        replay.step({"what": "", "request": {"method": "GET", "path": "/", "key": None}, "response": response})


def test_a_replay_takes_a_list_as_a_set_in_order_of_id() -> None:
    compared(response((1, "a"), (2, "b")))
    compared(response((1, "b"), (2, "a"), url=f"https://auth/v1/saml/{org(2)}/acs"), known=(2, 1))


@pytest.mark.parametrize(
    "wrong",
    [
        response((2, "b"), (1, "a")),
        response((1, "a"), (1, "a")),
        response((1, "a")),
        response((1, "a"), (2, "b"), (3, "c")),
        response((1, "b"), (2, "a")),
        response((1, "a"), (3, "b")),
        response((1, "a"), (2, "b"), token="short"),
        response((1, "a"), (2, "b"), token=""),
        response((1, "a"), (2, "b"), url="https://auth/v1/scim/{}/acs"),
        response((1, "a"), (2, "b"), url=f"https://auth/v1/saml/{org(2)}/acs"),
        {**response((1, "a"), (2, "b")), "more": 1},
        {"items": [], "nextPageToken": "t" * 104},
        {},
        [],
    ],
)
def test_a_replay_notices_what_is_different(wrong: Any) -> None:
    with pytest.raises((AssertionError, KeyError)):
        compared(wrong)


def test_a_replay_notices_that_a_text_changes_between_steps() -> None:
    good = response((1, "a"), (2, "b"))
    compared(good, good)
    for other in (
        response((1, "a"), (2, "b"), token="u" * 104),
        response((1, "a"), (2, "b"), url="https://b/v1/saml/{}/acs"),
    ):
        with pytest.raises(AssertionError):
            compared(good, other)


def test_a_replay_notices_one_text_for_two_names() -> None:
    with pytest.raises(AssertionError, match="two names"):
        compared(response((1, "a"), (2, "b")), known=(1, 2, 1))


def refused(status: int, code: int, message: str) -> Response:
    body = {"code": code, "message": message, "details": []}
    return Response(status, "application/json", json.dumps(body).encode())


@pytest.mark.parametrize(
    ("response", "same"),
    [
        (refused(500, 2, "get organization: no rows in result set"), True),
        (refused(500, 2, "no such organization"), False),
        (refused(500, 2, "get api key by secret value: no rows in result set"), False),
        (refused(500, 3, "store: no rows in result set"), False),
        (refused(400, 2, "store: no rows in result set"), False),
        (refused(200, 2, "store: no rows in result set"), False),
        (Response(500, "text/plain", b"store: no rows in result set"), False),
    ],
)
def test_a_replay_compares_what_a_refusal_means(response: Response, same: bool) -> None:
    recorded = json.loads(refused(500, 2, "store: no rows in result set").body)
    step = {
        "request": {"method": "GET", "path": "/", "key": None},
        "response": {"status": 500, "contentType": "application/json", "body": recorded},
    }
    with contextlib.nullcontext() if same else pytest.raises(AssertionError):
        Replay(Target(lambda *_: response, {})).step(step)
