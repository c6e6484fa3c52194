"""The line beside the bar: organizations known so far, requests per second, retries."""

from __future__ import annotations

import pytest

from reconciler.cli.logs import configure
from reconciler.cli.progress import Progress, Tally
from reconciler.model.event import ChangeDone, Event, Listed, RequestDone, Retrying
from reconciler.model.outcome import Outcome, Result
from tests.support.plans import OKTA

REQUEST = RequestDone("GET", "/v1/organizations", 200, 0.02)
RETRY = Retrying("GET", "/v1/organizations", 1, 0.1, "refused")
DONE = ChangeDone(Outcome(OKTA, Result.APPLIED), 0.1)


@pytest.mark.parametrize(
    ("events", "elapsed_s", "words"),
    [
        ([], 0.0, "reading"),
        ([Listed(1, 0, 2)], 0.2, "reading  1 organization"),
        ([Listed(1200, 3, 9), *[REQUEST] * 620], 2.0, "reading  1,200 organizations  310/s"),
        ([REQUEST, RETRY, RETRY], 0.5, "reading  2 retries"),
        ([DONE, DONE, REQUEST, REQUEST], 2.0, "reading  2 done  1/s"),
    ],
)
def test_words(events: list[Event], elapsed_s: float, words: str) -> None:
    tally = Tally("reading")
    for event in events:
        tally.count(event)
    assert tally.words(elapsed_s) == words


def test_the_bar_knows_how_much_was_read_of_how_much() -> None:
    tally = Tally("reading")
    tally.count(Listed(10, 3, 20))
    assert (tally.read, tally.known) == (3, 20)


def test_without_a_terminal_there_is_a_log_alone(capsys: pytest.CaptureFixture[str]) -> None:
    configure("json", "info")
    with Progress() as progress:
        progress.begin("reading")
        progress.watch(Listed(10, 3, 20))
        progress.watch(DONE)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert '"event": "change"' in err
