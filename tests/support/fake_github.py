"""A GitHub on loopback: comments, issues, statuses and the pull requests of a commit, of one repository."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

REPOSITORY = "acme/identity"
BOT, PERSON = {"type": "Bot", "login": "github-actions[bot]"}, {"type": "User", "login": "mallory"}
TOKEN = "a-token-of-one-job"


class FakeGitHub:
    """What the repository holds, and how the next requests of a method go wrong.

    `faults` has, for each method, what becomes of its next requests: a status code, "lost" (done, then no
    response), or None.
    """

    def __init__(self) -> None:
        self.url = ""
        self.comments: dict[int, list[dict[str, Any]]] = {}
        self.issues: list[dict[str, Any]] = []
        self.statuses: list[dict[str, Any]] = []
        self.pulls: dict[str, list[dict[str, Any]]] = {}
        self.faults: dict[str, list[int | str | None]] = {}
        self.requests: list[tuple[str, str]] = []

    def say(self, number: int, body: str, user: dict[str, str] = PERSON) -> dict[str, Any]:
        """Somebody's comment."""
        made = {"id": 1 + sum(map(len, self.comments.values())), "user": user, "body": body}
        self.comments.setdefault(number, []).append(made)
        return made

    def bodies(self, number: int) -> list[str]:
        return [each["body"] for each in self.comments.get(number, [])]

    def respond(self, method: str, path: str, asked: Any) -> tuple[int, Any]:
        """The status code and the document."""
        target = urlsplit(path)
        head, query = f"/repos/{REPOSITORY}/", parse_qs(target.query)
        assert target.path.startswith(head), path
        match method, *target.path.removeprefix(head).split("/"):
            case "GET", "issues", number, "comments":
                return 200, self._page(self.comments.get(int(number), []), query)
            case "POST", "issues", number, "comments":
                return 201, self.say(int(number), asked["body"], BOT)
            case "PATCH", "issues", "comments", id_:
                (mine,) = [each for some in self.comments.values() for each in some if each["id"] == int(id_)]
                return 200, mine.update(asked) or mine
            case "GET", "issues":
                (label,), (state,) = query["labels"], query["state"]
                found = [each for each in self.issues if label in each["labels"] and each["state"] == state]
                return 200, self._page(found, query)
            case "POST", "issues":
                made = {"number": len(self.issues) + 1, "state": "open", "user": BOT, **asked}
                self.issues.append(made)
                return 201, made
            case "PATCH", "issues", number:
                self.issues[int(number) - 1].update(asked)
                return 200, self.issues[int(number) - 1]
            case "GET", "commits", commit, "pulls":
                return 200, self.pulls.get(commit, [])
            case "POST", "statuses", commit:
                self.statuses.append({"commit": commit, **asked})
                return 201, asked
        return 404, {"message": "Not Found"}

    def _page(self, found: list[dict[str, Any]], query: dict[str, list[str]]) -> list[dict[str, Any]]:
        size, page = int(query["per_page"][0]), int(query["page"][0])
        return found[size * (page - 1) : size * page]


@contextmanager
def serving() -> Iterator[FakeGitHub]:
    """A server for the time of a test."""
    fake = FakeGitHub()

    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            fake.requests.append((self.command, self.path))
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            waiting = fake.faults.get(self.command, [])
            fault = waiting.pop(0) if waiting else None
            if self.headers["Authorization"] != f"Bearer {TOKEN}":
                fault = 401
            if isinstance(fault, int):
                return self._send(fault, {"message": "no"})
            code, document = fake.respond(self.command, self.path, json.loads(data) if data else None)
            if fault == "lost":
                self.close_connection = True
                return None
            return self._send(code, document)

        do_GET = do_POST = do_PATCH = _any  # noqa: N815 the library's names

        def _send(self, code: int, document: Any) -> None:
            data = json.dumps(document).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Nothing on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        fake.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield fake
        finally:
            server.shutdown()
            thread.join()
