"""`reconciler emulator`: says where it listens, to a person or a machine, and ends when it is told to."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

from tests.support.quiet import ended
from tests.support.terminal import terminal

EMULATOR = [sys.executable, "-m", "reconciler", "emulator"]


def test_on_a_pipe_it_prints_one_line_of_json_and_keeps_its_data(tmp_path: Path) -> None:
    data = tmp_path / "data.json"
    seen = []
    for number in (signal.SIGTERM, signal.SIGINT):
        with subprocess.Popen([*EMULATOR, "--data", data, "--seed", "3"], stdout=subprocess.PIPE) as process:
            assert process.stdout
            ready = json.loads(process.stdout.readline())
            key = ready["environments"]["production"]["key"]
            answer = httpx.get(f"{ready['url']}/v1/organizations", headers={"authorization": f"Bearer {key}"})
            organizations = answer.json()["organizations"]
            process.send_signal(number)
            rest, _ = process.communicate(timeout=20)
        assert (rest, process.returncode) == (b"", 0)
        assert set(ready["environments"]) == {"production", "development"}
        assert set(ready["environments"]["production"]) == {"id", "key", "unprivilegedKey"}
        seen.append((ready["environments"], organizations))
    assert seen[0] == seen[1]
    assert len(seen[0][1]) == 3


def test_on_a_terminal_it_prints_what_to_paste() -> None:
    with terminal("emulator") as screen:
        screen.expect("# development, env_")
        found = re.search(
            r"export SSOREADY_API_URL=(http://127\.0\.0\.1:\d+) SSOREADY_API_KEY=(ssoready_sk_\w{25})", screen.text
        )
        assert found
        screen.press("\x03")
        assert screen.end() == 0


def test_a_port_that_is_taken_is_64() -> None:
    with subprocess.Popen(EMULATOR, stdout=subprocess.PIPE) as process:
        assert process.stdout
        port = json.loads(process.stdout.readline())["url"].rpartition(":")[2]
        done = ended("emulator", "--port", port)
        process.terminate()
    assert done.code == 64
    assert f"cannot listen on 127.0.0.1:{port}" in done.err
