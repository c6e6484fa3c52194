"""An environment with a file that cannot be parsed is not as git has it, though nothing is left to write."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.daemons import Api, daemon, environment, sample, source, write

SUCCESS = sample("reconciler_last_success_timestamp_seconds")


def test_an_unparsed_file_keeps_an_environment_from_being_ready(tmp_path: Path) -> None:
    api = Api()
    api.put("acme", display_name="Acme")
    folder = environment(tmp_path / "m", "production", "acme")
    write(folder, "initech", "spec: [\n")

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            status = await here.ended(1)
            ready = status["conditions"][0]
            assert (status["result"], ready["status"], ready["reason"]) == ("partly", False, "IncompleteSource")
            assert "a file cannot be parsed" in ready["message"]
            assert status["organizations"]["acme"]["conditions"][0]["status"] is True
            assert (await here.samples())[SUCCESS] == 0
            write(folder, "initech")
            await here.becomes(lambda status: bool(status["result"] == "success"))
            assert (await here.samples())[SUCCESS] > 0

    asyncio.run(work())
