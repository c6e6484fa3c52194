"""What goes from the manifests is seen: files that cannot be parsed any more, and organizations that vanish."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.support.daemons import Api, daemon, environment, organization, sample, source, write

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


def test_what_a_file_declared_stays_in_the_status_while_it_cannot_be_parsed(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme", "globex")

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            await here.becomes(lambda status: bool(status["result"] == "success"))
            write(tmp_path, "broken", "spec: [\n").rename(folder / "globex.yaml")  # never empty in between
            status = await here.becomes(lambda s: len(s["organizations"]["globex"]["conditions"]) == 2)
            ready, blocked = status["organizations"]["globex"]["conditions"]
            assert (ready["type"], ready["status"], ready["reason"]) == ("Ready", False, "InvalidManifest")
            assert (blocked["type"], blocked["reason"]) == ("Blocked", "InvalidManifest")
            assert "globex.yaml cannot be parsed" in blocked["message"]
            assert [each["type"] for each in status["conditions"]] == ["Ready", "Blocked"]
            count = sample("reconciler_resources", kind="Organization", status="blocked")
            assert (await here.samples())[count] == 1
            write(folder, "acme", organization("acme", "  domains: [acme.example]\n"))
            await here.becomes(lambda _: "acme.example" in api.domains())
            since = blocked["since"]
            status = await here.ended(3)
            assert status["organizations"]["globex"]["conditions"][1]["since"] == since
            write(folder, "globex")
            status = await here.becomes(lambda status: bool(status["result"] == "success"))
            assert [each["type"] for each in status["organizations"]["globex"]["conditions"]] == ["Ready"]

    asyncio.run(work())


def test_manifests_that_vanish_are_a_condition_a_metric_and_a_line(tmp_path: Path) -> None:
    names = [f"o{number}" for number in range(10)]
    api, folder = Api(), environment(tmp_path / "m", "production", *names[4:])
    for name in names[:4]:
        write(folder / "part", name)

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            await here.becomes(lambda status: bool(status["result"] == "success"))
            (folder / "part").rename(tmp_path / "away")
            status = await here.becomes(lambda status: len(status["conditions"]) == 2)
            vanished = status["conditions"][1]
            assert (vanished["type"], vanished["status"]) == ("ManifestsVanished", True)
            assert "4 of 10 organizations" in vanished["message"]
            assert "o0, o1, o2, o3" in vanished["message"]
            assert (await here.samples())[sample("reconciler_manifests_vanished")] == 4
            assert sum(line["event"] == "manifests vanished" for line in here.lines) == 1
            assert api.names() == set(names)

    asyncio.run(work())
