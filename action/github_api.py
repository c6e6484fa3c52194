"""Tells GitHub: one comment for each environment, a commit's status, one issue about drift.

Only Python's own library is needed. The comment of an environment begins with a hidden line by which it is found
again, and carries the digest of the plan that it shows, so that the merge queue and `apply` can say whether it is
still that plan.
"""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")

TRIES = 3
TIMEOUT_S = 20
PAGES_MAX = 100
BODY_MAX = 65_000  # GitHub takes 65,536 characters
DESCRIPTION_MAX = 140
_DIGEST = re.compile(r"^<!-- reconciler-digest: ([0-9a-f]{8,64}) -->$", re.MULTILINE)


class GitHubError(Exception):
    """GitHub could not be told or asked; `lasting` where asking again is of no use."""

    def __init__(self, words: str, *, lasting: bool = False) -> None:
        super().__init__(words)
        self.lasting = lasting


def mark(key: str) -> str:
    """The hidden line at the top of what belongs to an environment."""
    return f"<!-- reconciler-check: {re.sub(r'[^A-Za-z0-9_./-]|-(?=-)', '_', key)} -->\n"


def body(key: str, markdown: str, digest: str = "", footer: str = "") -> str:
    """A comment as it is stored. `footer` is the workflow's own text, at the end."""
    hidden = mark(key) + (f"<!-- reconciler-digest: {digest} -->\n" if digest else "")
    end = f"\n{footer.strip()}\n" if footer.strip() else ""
    room = BODY_MAX - len(hidden) - len(end)
    if len(markdown) > room:
        raise GitHubError(f"the comment and its footer are longer than {BODY_MAX:,} characters", lasting=True)
    return (hidden + markdown + end).strip()


@dataclass(frozen=True)
class GitHub:
    """One repository. The token goes to `api` alone, which the runner names."""

    api: str
    repository: str
    token: str = field(repr=False)
    pause: Callable[[float], object] = time.sleep

    def comment(self, number: int, key: str, text: str, *, create: bool = True) -> None:
        """Edits the environment's one comment, or makes it; with `create=False` only edits."""

        def once() -> None:
            mine = self._comment(number, key)
            if mine is None and create:
                self._request("POST", f"/issues/{number}/comments", {"body": text})
            elif mine is not None and mine["body"].strip() != text:
                self._request("PATCH", f"/issues/comments/{mine['id']}", {"body": text})

        self._persist(once)

    def reviewed(self, number: int, key: str) -> str:
        """The digest in the environment's comment; "" where there is none."""
        mine = self._persist(lambda: self._comment(number, key))
        found = _DIGEST.search(mine["body"]) if mine else None
        return found[1] if found else ""

    def merged_by(self, commit: str) -> int | None:
        """The number of the pull request that brought this commit to its branch."""
        found = self._persist(lambda: self._request("GET", f"/commits/{commit}/pulls"))
        merged = [each for each in found if each["merged_at"]]
        exact = [each for each in merged if each["merge_commit_sha"] == commit]
        chosen = exact or merged
        return int(chosen[0]["number"]) if len(chosen) == 1 else None

    def status(self, commit: str, context: str, *, good: bool, words: str, link: str) -> None:
        """Marks the commit: green or red, with a sentence and a link."""
        state = {"state": "success" if good else "failure", "context": context, "target_url": link}
        asked = state | {"description": words[:DESCRIPTION_MAX]}
        self._persist(lambda: self._request("POST", f"/statuses/{commit}", asked))

    def drift(self, key: str, title: str, text: str, label: str = "reconciler-drift") -> None:
        """Opens or updates the environment's one issue; an empty text closes it."""

        def once() -> None:
            path = f"/issues?state=open&labels={label}"
            mine = next(self._mine(path, key), None)
            if mine is None and text:
                self._request("POST", "/issues", {"title": title, "body": text, "labels": [label]})
            elif mine is not None and not text:
                self._request(
                    "PATCH", f"/issues/{mine['number']}", {"state": "closed", "state_reason": "completed"}
                )
            elif mine is not None and mine["body"].strip() != text:
                self._request("PATCH", f"/issues/{mine['number']}", {"title": title, "body": text})

        self._persist(once)

    def _comment(self, number: int, key: str) -> Any:
        return next(self._mine(f"/issues/{number}/comments?", key), None)

    def _mine(self, path: str, key: str) -> Iterator[Any]:
        """What a bot wrote for this environment, the oldest first: anybody can copy the hidden line."""
        for page in range(1, PAGES_MAX + 1):
            some = self._request("GET", f"{path}&per_page=100&page={page}".replace("?&", "?"))
            for each in some:
                of_a_bot = (each.get("user") or {}).get("type") == "Bot"
                if of_a_bot and (each.get("body") or "").replace("\r\n", "\n").startswith(mark(key)):
                    yield each
            if len(some) < 100:
                return

    def _persist(self, once: Callable[[], T]) -> T:
        """Looks and writes again where that may help: the look finds what was written without a response."""
        for attempt in range(1, TRIES):
            try:
                return once()
            except GitHubError as error:
                if error.lasting:
                    raise
                self.pause(2.0**attempt)
        return once()

    def _request(self, method: str, path: str, asked: Mapping[str, object] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.api}/repos/{self.repository}{path}",
            data=None if asked is None else json.dumps(asked).encode(),
            method=method,
            headers={
                "Accept": "application/vnd.github+json",
                "Authorization": f"Bearer {self.token}",
                "Content-Type": "application/json",
                "User-Agent": "ssoready-reconciler",
                "X-GitHub-Api-Version": "2022-11-28",
            },
        )
        route = f"{method} {path.partition('?')[0]}"
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            with error:
                lasting = error.code < 500 and error.code != 429 and not error.headers.get("Retry-After")
            raise GitHubError(f"{route}: GitHub responded {error.code}", lasting=lasting) from None
        except (OSError, ValueError) as error:
            raise GitHubError(f"{route}: {type(error).__name__}") from None
