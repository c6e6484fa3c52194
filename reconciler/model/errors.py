"""Every error that the project raises on purpose, as one tree, each with the exit code it means.

ReconcilerError                    a message for a person, a hint what to do, an exit code
├── UsageError                64   flags, variables or the configuration file do not fit together
├── CredentialsError           3   the key is missing or malformed (never echoed)
├── SourceError                8   the manifests cannot be read at all
├── WrongEnvironment           6   the live environment is not the pinned one; cannot be approved
├── DeliveryError              1   a secret's target cannot be read or written; no secret was issued
├── DeliveryLost               1   a secret may have been issued, and its target cannot keep it
├── Interrupted                5   asked to stop
└── ApiError                   1   about one request; carries its route, never its query or body
    ├── Unauthorized           3   wrong key, or no Management API access; nothing was done
    ├── Refused                1   refused with a known meaning; nothing was done
    │   ├── NotFound               no such object in this environment
    │   └── Taken                  the external id belongs to another organization (23505)
    ├── Unsent                 1   certainly nothing was done; may be retried, also a POST
    ├── Overrun                1   a limit of ours was reached: requests of a pass
    └── Uncertain              1   anything else: a read failed, of a write nobody knows
        └── BadAnswer              an answer came that is not one (HTML, empty, out of order …)
"""

from __future__ import annotations


class ReconcilerError(Exception):
    """The root. `message` says what and why, `hint` what to do next."""

    exit_code = 1

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


class DeliveryError(ReconcilerError):
    """A secret's target cannot be read or written; no secret was issued."""


class DeliveryLost(ReconcilerError):
    """A secret may have been issued, and its target cannot keep it."""


class Interrupted(ReconcilerError):
    """The process was asked to stop."""

    exit_code = 5


class ApiError(ReconcilerError):
    """About one request.

    `route` is its method and path pattern, `status` the answer's, None without one; `retry_after_s` is how
    long the server asked to be left alone, if it did.
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
    """Wrong key, or a key without Management API access; nothing was done."""

    exit_code = 3


class Refused(ApiError):
    """Refused with a known meaning; nothing was done."""


class NotFound(Refused):
    """No such object in this environment."""


class Taken(Refused):
    """The external id belongs to another organization."""


class Unsent(ApiError):
    """Certainly nothing was done."""


class Overrun(ApiError):
    """A limit of a pass was reached before this request was sent."""


class Uncertain(ApiError):
    """A read failed; of a write nobody knows whether it was done."""


class BadAnswer(Uncertain):
    """An answer came that is not one."""


def internal(error: Exception) -> ReconcilerError:
    """A fault of our own: its kind and where it came up, never its text, which may hold anything."""
    place, step = "an unknown place", error.__traceback__
    while step is not None:
        _, within, file = step.tb_frame.f_code.co_filename.rpartition("reconciler/")
        if within:
            place = f"{file}:{step.tb_lineno}"
        step = step.tb_next
    return ReconcilerError(
        f"internal error: {type(error).__name__} at {place}",
        "This is a fault of the reconciler: please report it with this line.",
    )
