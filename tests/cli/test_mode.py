"""An environment whose mode is "plan" is reported on and never written to, by whatever command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.shell import EXAMPLES, Shell

COMMANDS = (
    ["apply", "--yes"],
    ["setup-link", "acme", "--saml"],
    ["rotate-token", "acme", "okta", "--yes"],
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_no_command_writes_to_it(shell: Shell, tmp_path: Path, command: list[str]) -> None:
    key = tmp_path / "key"
    key.write_text(shell.environment.key)
    config = tmp_path / "reconciler.toml"
    config.write_text(
        f'[environments.production]\nmanifests = "{EXAMPLES / "production"}"\nmode = "plan"\n'
        f'api_url = "{shell.url}"\napi_key_file = "{key}"\n'
        f'deliver = {{ to = "directory", path = "{tmp_path / "delivered"}" }}\n'
    )
    before = shell.emulator.state
    ended = shell(*command, "--config", config)
    assert ended.code == 64
    assert 'mode = "plan"' in ended.err
    assert (shell.emulator.state, shell.emulator.requests) == (before, [])
