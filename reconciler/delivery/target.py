"""What every place for issued secrets can do, so that the engine needs to know none of them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from reconciler.model.secret import Secret
from reconciler.model.state import Record


class RecordName(NamedTuple):
    """Which secret: an organization's handle and a directory's, or None for the organization's setup link."""

    organization: str
    directory: str | None


class Delivery(Protocol):
    """One secret on its way: until it is closed, its record is `pending` and nobody else delivers it."""

    def keep(self, record: Record, secret: Secret, scim_base_url: str) -> None:
        """Replaces the pending record durably by this one with its secret; raises DeliveryLost."""

    def take_back(self) -> None:
        """Puts the earlier record back: the secret was certainly not issued. Raises DeliveryLost."""

    def close(self) -> None:
        """Ends the delivery; the record stays as it is now. Never raises."""


class Target(Protocol):
    """Where secrets go. Each method may wait for a disk or a network."""

    def read(self, name: RecordName) -> Record | None:
        """What is known of a secret, without the secret; None if nothing is. Raises DeliveryError."""

    def begin(self, name: RecordName, pending: Record) -> Delivery:
        """Writes the pending record durably, and takes what the final one will need.

        Raises DeliveryError if that fails, if the record there is about another live object, or if somebody
        else is delivering this secret now; then nothing has changed.
        """
