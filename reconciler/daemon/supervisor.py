"""Tells systemd, where it started the process, that the daemon is ready, alive, or about to end."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable

READY, ALIVE, STOPPING = "READY=1", "WATCHDOG=1", "STOPPING=1"


def supervisor(address: str | None) -> Callable[[str], None]:
    """Return what hands a message to the socket that NOTIFY_SOCKET names; without one, or if full, it is lost."""
    if not address or address[0] not in "/@":
        return lambda _: None
    target = "\0" + address[1:] if address[0] == "@" else address

    def tell(message: str) -> None:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as here:
            here.setblocking(False)
            here.sendto(message.encode(), target)

    return tell
