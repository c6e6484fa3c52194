"""What systemd is told, and that nothing happens where it does not listen."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from reconciler.daemon.supervisor import READY, supervisor


@pytest.mark.parametrize("abstract", [False, True])
def test_a_message_arrives(tmp_path: Path, abstract: bool) -> None:
    name = f"@{tmp_path}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as here:
        here.bind(name.replace("@", "\0"))
        here.settimeout(5)
        supervisor(name)(READY)
        assert here.recv(64) == b"READY=1"


@pytest.mark.parametrize("address", [None, "", "relative", "/nowhere/notify", "@nobody", "vsock:2:1"])
def test_without_a_listener_nothing_happens(address: str | None) -> None:
    supervisor(address)(READY)


def test_a_listener_that_does_not_read_holds_nothing_up(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as here:
        here.bind(str(tmp_path / "notify"))
        tell = supervisor(str(tmp_path / "notify"))
        for _ in range(2000):
            tell(READY)
