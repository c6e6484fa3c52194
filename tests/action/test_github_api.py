"""One comment for each environment, one issue about drift, a status: whatever GitHub does half-way."""

from __future__ import annotations

import pytest
from github_api import BODY_MAX, TRIES, GitHub, GitHubError, body, mark

from tests.support.fake_github import BOT, PERSON, REPOSITORY, TOKEN, FakeGitHub

DIGEST = "1366f72d227598c205352a4e382e2ef7"


def github(fake: FakeGitHub, waits: list[float] | None = None) -> GitHub:
    return GitHub(fake.url, REPOSITORY, TOKEN, pause=(waits if waits is not None else []).append)


def test_the_second_run_edits_the_comment_of_the_first(fake: FakeGitHub) -> None:
    fake.say(7, "what a person says")
    for words in ("2 to create", "1 to create"):
        github(fake).comment(7, "production", body("production", words))
    assert len(fake.comments[7]) == 2
    assert fake.bodies(7)[1] == f"{mark('production')}1 to create"


def test_each_environment_has_its_own(fake: FakeGitHub) -> None:
    for key in ("production", "production-eu", "development", "production"):
        github(fake).comment(7, key, body(key, f"plan of {key}"))
    assert [text.rpartition(" ")[2] for text in fake.bodies(7)] == ["production", "production-eu", "development"]


def test_the_comment_is_found_behind_hundreds(fake: FakeGitHub) -> None:
    for number in range(250):
        fake.say(7, f"remark {number}")
    for words in ("one", "two"):
        github(fake).comment(7, "production", body("production", words))
    assert len(fake.comments[7]) == 251
    assert fake.bodies(7)[-1].endswith("two")


def test_a_persons_comment_is_never_taken_for_ours(fake: FakeGitHub) -> None:
    copied = body("production", "No changes.", DIGEST)
    fake.say(7, copied, PERSON)
    assert github(fake).reviewed(7, "production") == ""
    github(fake).comment(7, "production", body("production", "9 at risk", "0" * 32))
    assert fake.bodies(7)[0] == copied
    assert github(fake).reviewed(7, "production") == "0" * 32


def test_what_is_already_said_is_not_said_again(fake: FakeGitHub) -> None:
    for _ in range(2):
        github(fake).comment(7, "production", body("production", "the same\n"))
    assert [method for method, _ in fake.requests].count("PATCH") == 0


def test_where_there_is_nothing_to_say_only_an_old_comment_is_mended(fake: FakeGitHub) -> None:
    github(fake).comment(7, "production", body("production", "no changes"), create=False)
    assert fake.bodies(7) == []
    github(fake).comment(7, "production", body("production", "1 to create"))
    github(fake).comment(7, "production", body("production", "no changes"), create=False)
    assert [text.rpartition("\n")[2] for text in fake.bodies(7)] == ["no changes"]


@pytest.mark.parametrize("fault", [500, 502, 429, "lost"])
@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
def test_a_fault_half_way_leaves_one_comment(fake: FakeGitHub, method: str, fault: int | str) -> None:
    if method == "PATCH":
        fake.say(7, body("production", "old"), BOT)
    fake.faults[method] = [fault]
    waits: list[float] = []
    github(fake, waits).comment(7, "production", body("production", "new"))
    assert fake.bodies(7) == [body("production", "new")]
    assert waits == [2.0]


def test_a_lasting_refusal_is_told_at_once(fake: FakeGitHub) -> None:
    fake.faults["POST"] = [403]
    waits: list[float] = []
    with pytest.raises(GitHubError, match="POST /issues/7/comments: GitHub responded 403") as told:
        github(fake, waits).comment(7, "production", body("production", "new"))
    assert waits == []
    assert TOKEN not in str(told.value) + repr(github(fake))


def test_a_github_that_stays_away_is_asked_three_times(fake: FakeGitHub) -> None:
    fake.faults["GET"] = [500] * 9
    with pytest.raises(GitHubError, match="GitHub responded 500"):
        github(fake).comment(7, "production", body("production", "new"))
    assert len(fake.requests) == TRIES


def test_a_name_cannot_leave_the_hidden_line() -> None:
    assert mark("a --> <b>\n@all").count("-->") == 1
    assert "\n" not in mark("a\nb").rstrip("\n")
    assert mark("production-eu") != mark("production_eu")


def test_a_footer_that_does_not_fit_is_an_error_and_not_half_a_plan() -> None:
    with pytest.raises(GitHubError, match="longer than"):
        body("production", "x" * 60_000, footer="y" * (BODY_MAX - 60_000))


def test_the_pull_request_of_a_commit_is_the_merged_one(fake: FakeGitHub) -> None:
    def pull(number: int, sha: str, merged: str | None) -> dict[str, object]:
        return {"number": number, "merged_at": merged, "merge_commit_sha": sha}

    fake.pulls = {
        "a": [pull(1, "a", None), pull(2, "b", "yesterday"), pull(3, "a", "today")],
        "c": [pull(4, "c", None)],
        "d": [pull(5, "x", "today"), pull(6, "y", "today")],
    }
    assert github(fake).merged_by("a") == 3
    assert github(fake).merged_by("c") is None
    assert github(fake).merged_by("d") is None, "either might be meant"


def test_drift_has_one_issue_that_is_opened_updated_closed_and_opened_again(fake: FakeGitHub) -> None:
    for text in ("2 to update", "3 to update", "", "", "1 to update"):
        github(fake).drift("production", "drift", body("production", text) if text else "")
    assert [(each["state"], each["body"].rpartition("\n")[2]) for each in fake.issues] == [
        ("closed", "3 to update"),
        ("open", "1 to update"),
    ]


def test_the_drift_of_another_environment_stays_open(fake: FakeGitHub) -> None:
    for key in ("production", "development"):
        github(fake).drift(key, "drift", body(key, "1 to update"))
    github(fake).drift("development", "drift", "")
    assert [each["state"] for each in fake.issues] == ["open", "closed"]


def test_a_status_is_cut_to_what_github_takes(fake: FakeGitHub) -> None:
    github(fake).status("abc", "reconciler/production", good=False, words="x" * 500, link="https://ci.example/1")
    (made,) = fake.statuses
    assert (made["commit"], made["context"], made["state"]) == ("abc", "reconciler/production", "failure")
    assert len(made["description"]) == 140
