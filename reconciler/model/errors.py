"""Every error that the project raises on purpose, as one tree, each with what it means for the next step.

                               exit  means
ReconcilerError                    1          the root: a message, a hint what to do next, an exit code
├── UsageError                    64          flags, variables or the configuration file do not fit together
├── CredentialsError               3          the key is missing or malformed (never echoed)
├── SourceError                    8          the manifests cannot be read at all
├── WrongEnvironment               6    h     the live environment is not the pinned one; cannot be approved
├── WrongPlan                      7          a saved plan is not for this, or is not what was saved
├── DeliveryError                  1   n      a secret's target cannot be read or written; no secret was issued
├── DeliveryLost                   1          a secret may have been issued, and its target cannot keep it
├── Interrupted                    5   nh     the process was asked to stop
└── ApiError                       1          about one request; carries its route, never its query or body
    ├── Unauthorized               3   nh     wrong key, or no Management API access
    ├── Refused                    1   n      refused with a known meaning
    │   ├── NotFound               1   n      no such object in this environment
    │   └── Taken                  1   n      the external id belongs to another organization (23505)
    ├── Unsent                     1  rn      the request was not carried out, and may be sent again, also a POST
    ├── Overrun                    1   nh     the pass has reached its limit of requests
    └── Uncertain                  1  r       anything else: a read failed, or a write may have been done
        └── BadAnswer              1  r       the response is not one of this API (HTML, empty, out of order …)

r: `retryable`, a read may be repeated. n: `certainly_not_done`, a write certainly did not happen.
h: `halts`, no other request of the pass can do better, so that none is started.
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """The root. `message` says what and why, `hint` what to do next.

    `retryable`, `certainly_not_done` and `halts` are explained at the top of this module.
    """

    exit_code = 1
    retryable = False
    certainly_not_done = False
    halts = False

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    @property
    def whole(self) -> str:
        """The message and what to do next, on one line."""
        if not self.hint:
            return self.message
        return f"{self.message.rstrip('.')}. {self.hint[0].upper()}{self.hint[1:]}"

    @property
    def code(self) -> str:
        """The stable name in JSON output."""
        return type(self).__name__


class UsageError(ReconcilerError):
    """Flags, variables or the configuration file do not fit together."""

    exit_code = 64


class CredentialsError(ReconcilerError):
    """The key is missing or malformed."""

    exit_code = 3


class SourceError(ReconcilerError):
    """The manifests cannot be read at all."""

    exit_code = 8


class WrongEnvironment(ReconcilerError):
    """The live environment is not the pinned one."""

    exit_code = 6
    halts = True


class WrongPlan(ReconcilerError):
    """A saved plan is for other manifests, another environment or another version, or was edited."""

    exit_code = 7


class DeliveryError(ReconcilerError):
    """A secret's target cannot be read or written; no secret was issued."""

    certainly_not_done = True


class DeliveryLost(ReconcilerError):
    """A secret may have been issued, and its target cannot keep it."""


class Interrupted(ReconcilerError):
    """The process was asked to stop."""

    exit_code = 5
    certainly_not_done = True
    halts = True


class ApiError(ReconcilerError):
    """About one request.

    `route` is its method and path pattern. `status` is the response's, None if none came. `retry_after_s` is
    how many seconds the server asked us to wait, None if it did not.
    """

    def __init__(
        self,
        message: str,
        *,
        route: str = "",
        status: int | None = None,
        hint: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{route}: {message}" if route else message, hint)
        self.route = route
        self.status = status
        self.retry_after_s = retry_after_s


class Unauthorized(ApiError):
    """The key is wrong or has no Management API access."""

    exit_code = 3
    certainly_not_done = True
    halts = True


class Refused(ApiError):
    """The server refused, with a known meaning."""

    certainly_not_done = True


class NotFound(Refused):
    """No such object in this environment."""


class Taken(Refused):
    """The external id belongs to another organization."""


class Unsent(ApiError):
    """The request was not carried out: it never arrived, or the server put it off."""

    retryable = True
    certainly_not_done = True


class Overrun(ApiError):
    """The pass reached its limit of requests before this one was sent."""

    certainly_not_done = True
    halts = True


class Uncertain(ApiError):
    """A read failed, or a write may have been done."""

    retryable = True


class BadAnswer(Uncertain):
    """A response came that is not one of this API."""


def internal(error: Exception) -> ReconcilerError:
    """A bug of ours as an error: its type and where it was raised, never its text, which may hold a secret."""
    place, step = "an unknown place", error.__traceback__
    while step is not None:
        _, within, file = step.tb_frame.f_code.co_filename.rpartition("reconciler/")
        if within:
            place = f"{file}:{step.tb_lineno}"
        step = step.tb_next
    return ReconcilerError(
        f"internal error: {type(error).__name__} at {place}",
        "This is a bug in the reconciler. Please report it with this line.",
    )
