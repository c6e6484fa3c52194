"""Which environment a worker may write to, and what keeps it from writing: keys, claims, guards, manifests."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.support.daemons import (
    A_WHILE_S,
    Api,
    Daemon,
    daemon,
    environment,
    once,
    organization,
    sample,
    source,
    texts,
    write,
)

UNKNOWN_KEY = "ssoready_sk_" + "0" * 25


class Key:
    """A key file whose content somebody changes."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __call__(self) -> str:
        return self.text


def success(status: dict[str, Any]) -> bool:
    return bool(status["result"] == "success")


def fails(status: dict[str, Any]) -> bool:
    return bool(status["result"] == "error")


def stopped(status: dict[str, Any]) -> bool:
    return bool(status["stopped"])


# -- keys


def test_it_stays_up_with_a_refused_key_and_takes_the_right_one_when_it_comes(tmp_path: Path) -> None:
    api, key = Api(), Key(UNKNOWN_KEY)
    folder = environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, key), retry_s=0.05) as here:
            status = await here.ended(2)
            assert status["conditions"][0]["reason"] == "Unauthorized"
            assert "key" in status["message"]
            assert "Management API" not in status["message"]
            key.text = api.key()
            await here.becomes(success)
            assert api.names() == {"acme"}

    asyncio.run(work())


def test_a_malformed_key_keeps_the_old_one_and_says_so(tmp_path: Path) -> None:
    api = Api()
    key, folder = Key(api.key()), environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, key)) as here:
            await here.becomes(success)
            key.text = "half a ke"
            write(folder, "globex")
            status = await here.ended(2)
            assert api.names() == {"acme", "globex"}
            assert status["result"] == "success"
            assert "the key read before is used" in status["notice"]
            key.text = api.key()
            write(folder, "initech")
            assert (await here.ended(3))["notice"] == ""
            assert not [text for text in texts(here.lines) if "half a ke" in text or api.key() in text]

    asyncio.run(work())


def test_an_environment_without_a_readable_key_is_not_ready_and_the_others_go_on(tmp_path: Path) -> None:
    api, key = Api(), Key("")
    one = source(environment(tmp_path / "one", "production", "acme"), key)
    two = source(environment(tmp_path / "two", "development", "globex"), api.key("development"), "development")

    async def work() -> None:
        async with daemon(api, one, two, retry_s=0.05) as here:
            await here.becomes(success, "development")
            status = await here.becomes(fails)
            assert status["conditions"][0]["reason"] == "CredentialsError"
            assert (await here.get("/readyz")).status_code == 503
            key.text = api.key()
            await here.becomes(success)
            assert (await here.get("/readyz")).status_code == 200

    asyncio.run(work())


@pytest.mark.parametrize(
    ("pinned", "live"),
    [(False, False), (False, True), (True, True)],  # an empty environment has no id to compare with a pin
    ids=["empty", "not empty", "not empty, and pinned"],
)
def test_a_key_of_another_environment_stops_its_worker_until_it_is_right(
    tmp_path: Path, pinned: bool, live: bool
) -> None:
    api = Api()
    key = Key(api.key())
    pin = api.store.environments["production"].id if pinned else ""
    folder = environment(tmp_path / "m", "production", "acme", pin=pin)
    if live:
        api.put("somebody", "development")

    async def work() -> None:
        async with daemon(api, source(folder, key), retry_s=0.05) as here:
            await here.becomes(lambda s: success(s) and s["environmentId"] is not None)
            assert await gauges(here) == {"leader": 1, "stopped": 0}
            key.text = api.key("development")
            write(folder, "globex")
            status = await here.becomes(stopped)
            ready, condition = status["conditions"]
            assert (ready["status"], ready["reason"]) == (False, "WrongEnvironment")
            assert (condition["type"], condition["status"], condition["reason"]) == (
                *("Stopped", True),
                "WrongEnvironment",
            )
            assert await gauges(here) == {"leader": 0, "stopped": 1}
            await here.ended(await here.passes() + 3)
            again = [line["code"] for line in here.lines if line["event"] == "pass failed"]
            assert again[:3] == ["WrongEnvironment"] * 3
            assert (await here.status())["conditions"][1]["since"] == condition["since"]
            assert (api.names(), api.names("development")) == ({"acme"}, {"somebody"} if live else set())
            key.text = api.key()
            status = await here.becomes(success)
            assert (status["stopped"], len(status["conditions"])) == (False, 1)
            assert await gauges(here) == {"leader": 1, "stopped": 0}
            assert (api.names(), api.names("development")) == ({"acme", "globex"}, {"somebody"} if live else set())

    asyncio.run(work())


async def gauges(here: Daemon, name: str = "production") -> dict[str, float]:
    samples = await here.samples()
    return {each: samples[sample(f"reconciler_{each}", name)] for each in ("leader", "stopped")}


def test_a_key_of_another_environment_stops_nobody_else(tmp_path: Path) -> None:
    """Not even the worker of the environment that it opens, as long as it is known to be wrong."""
    api = Api()
    key = Key(api.key("development"))
    one = source(environment(tmp_path / "one", "production", "acme"), api.key())
    two = source(environment(tmp_path / "two", "development", "globex"), key, "development")

    async def work() -> None:
        async with daemon(api, one, two, retry_s=0.05) as here:
            await here.becomes(success)
            await here.becomes(lambda s: success(s) and s["environmentId"] is not None, "development")
            key.text = api.another_key()
            write(tmp_path / "two", "initech")
            await here.becomes(stopped, "development")
            write(tmp_path / "one", "umbrella")
            await here.becomes(lambda s: success(s) and api.names() == {"acme", "umbrella"})
            assert api.names("development") == {"globex"}

    asyncio.run(work())


# -- claims


@pytest.mark.parametrize("empty", [True, False], ids=["empty", "not empty"])
@pytest.mark.parametrize("same_key", [True, False], ids=["the same key", "two keys"])
def test_two_workers_that_see_one_environment_both_stop(tmp_path: Path, same_key: bool, empty: bool) -> None:
    """Before either wrote; with two keys to an empty environment, once the first has shown whose it is."""
    api = Api()
    if not empty:
        api.put("somebody")
    before = api.names()
    api.on_write = lambda _: asyncio.sleep(0.2)  # long enough for the other to look meanwhile
    other = api.key() if same_key else api.another_key()
    one = source(environment(tmp_path / "one", "production", "acme"), api.key())
    two = source(environment(tmp_path / "two", "development", "globex"), other, "development")

    async def work() -> None:
        async with daemon(api, one, two, retry_s=0.05) as here:
            for name in ("production", "development"):
                status = await here.becomes(stopped, name)
                assert "development and production" in status["message"]
                assert status["conditions"][0]["reason"] == "WrongEnvironment"
            assert len(api.names() - before) == (1 if empty and not same_key else 0)

    asyncio.run(work())
    assert 6 in once(api, one, two)


@pytest.mark.parametrize("same_key", [True, False], ids=["the same key", "two keys"])
def test_both_go_on_once_their_keys_open_two_environments(tmp_path: Path, same_key: bool) -> None:
    """The one whose key changes finds out by itself, and wakes the other."""
    api = Api()
    api.put("somebody")
    key = Key(api.key() if same_key else api.another_key())
    one = source(environment(tmp_path / "one", "production", "acme"), api.key())
    two = source(environment(tmp_path / "two", "development", "globex"), key, "development")

    async def work() -> None:
        async with daemon(api, one, two) as here:
            for name in ("production", "development"):
                await here.becomes(stopped, name)
                assert await gauges(here, name) == {"leader": 0, "stopped": 1}
            await asyncio.sleep(A_WHILE_S)
            assert max([await here.passes(), await here.passes("development")]) <= 3  # they do not wake each other
            key.text = api.key("development")
            write(tmp_path / "two", "initech")
            for name in ("production", "development"):
                await here.becomes(success, name)
            assert (api.names() - {"somebody"}, api.names("development")) == ({"acme"}, {"globex", "initech"})

    asyncio.run(work())


def test_nothing_is_written_until_every_worker_has_looked(tmp_path: Path) -> None:
    """A worker whose folder takes long to read may turn out to see the environment of another."""
    api = Api()
    api.put("somebody")
    entered, go = asyncio.Event(), asyncio.Event()
    one = source(environment(tmp_path / "one", "production", "acme"), api.key())
    two = source(environment(tmp_path / "two", "development", "globex"), api.another_key(), "development")
    handle = type(api).transport

    def slow() -> Any:
        inner = handle(api)
        original = inner.handle_async_request

        async def late(request: Any) -> Any:
            if request.headers["authorization"].endswith("7" * 25):
                entered.set()
                await go.wait()
            return await original(request)

        inner.handle_async_request = late
        return inner

    async def work() -> None:
        api.transport = slow  # type: ignore[method-assign]
        async with daemon(api, one, two) as here:
            await entered.wait()
            await asyncio.sleep(0.2)
            written = list(api.writes)
            go.set()
            assert not written
            await here.becomes(stopped)
            await here.becomes(stopped, "development")
            assert not api.writes

    asyncio.run(work())


def test_a_worker_that_cannot_look_does_not_keep_the_others_from_writing(tmp_path: Path) -> None:
    api = Api()
    one = source(environment(tmp_path / "one", "production", "acme"), api.key())
    two = source(tmp_path / "away", api.key("development"), "development")

    async def work() -> None:
        async with daemon(api, one, two) as here:
            await here.becomes(success)
            assert api.names() == {"acme"}
            assert "does not exist" in (await here.status("development"))["message"]

    asyncio.run(work())


def test_a_section_whose_folder_is_another_environment_is_refused(tmp_path: Path) -> None:
    api = Api()
    wrong = source(environment(tmp_path / "m", "staging", "acme"), api.key())
    assert once(api, wrong) == [64]
    assert not api.writes


# -- manifests


def test_an_invalid_file_blocks_its_own_organization_and_is_seen_everywhere(tmp_path: Path) -> None:
    api = Api()
    folder = environment(tmp_path / "m", "production", "acme")
    write(folder, "globex", organization("globex", "  dispalyName: x\n"))

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            status = await here.ended(1)
            assert api.names() == {"acme"}
            assert (status["errors"], status["warnings"]) == (1, 0)
            problem = status["problems"][0]
            assert (problem["file"], problem["line"], problem["column"]) == ("globex.yaml", 6, 3)
            assert "did you mean `displayName`" in problem["message"]
            ready, blocked = status["organizations"]["globex"]["conditions"]
            assert (ready["type"], ready["status"]) == ("Ready", False)
            assert (blocked["type"], blocked["reason"]) == ("Blocked", "InvalidManifest")
            assert "globex.yaml:6:3" in blocked["message"]
            assert status["organizations"]["acme"]["conditions"][0]["status"] is True
            assert [c["type"] for c in status["conditions"]] == ["Ready", "Blocked"]
            assert status["conditions"][1]["message"] == "globex"
            lines = [line for line in here.lines if line["event"] == "problem"]
            assert [line["place"] for line in lines] == ["globex.yaml:6:3"]

    asyncio.run(work())
    assert once(api, source(folder, api.key())) == [8]


def test_the_same_problems_are_logged_once(tmp_path: Path) -> None:
    api = Api()
    folder = environment(tmp_path / "m", "production", "acme")
    write(folder, "globex", organization("globex", "  dispalyName: x\n"))

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            for number in (1, 2, 3):
                await here.ended(number)
                os.kill(os.getpid(), signal.SIGHUP)
            events = [line["event"] for line in here.lines]
            assert (events.count("problem"), events.count("blocked")) == (1, 1)
            write(folder, "globex")
            await here.becomes(success)
            assert (await here.status())["problems"] == []

    asyncio.run(work())


def test_while_a_file_cannot_be_parsed_nothing_is_created(tmp_path: Path) -> None:
    api = Api()
    live = api.put("acme", display_name="Old")
    folder = environment(tmp_path / "m", "production", "acme", "globex")
    write(folder, "initech", "spec: [\n")

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            status = await here.ended(1)
            assert api.names() == {"acme"}
            assert api.store.organizations("production")[0].display_name == "Acme"
            assert api.store.organizations("production")[0].id == live
            blocked = status["organizations"]["globex"]["conditions"][1]
            assert blocked["reason"] == "IncompleteSource"
            assert [problem["file"] for problem in status["problems"]] == ["initech.yaml"]
            write(folder, "initech")
            await here.becomes(success)
            assert api.names() == {"acme", "globex", "initech"}

    asyncio.run(work())


BROKEN = "apiVersion: reconciler/v1\nkind: Environment\nmetadata: {name: production}\nspec:\n  limit: {}\n  x: 1\n"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"environment": BROKEN}, ["environment.yaml:5:3", "did you mean `limits`", "(and 1 more)"]),
        ({"environment": "kind: [\n"}, ["environment.yaml:2:1"]),
        ({"environment": None}, ["there is no Environment"]),
        ({"environment": None, "acme": None, "globex": None}, ["no *.yaml"]),
        ({"acme": None, "globex": None}, ["there is no organization"]),
        ({"second": BROKEN.replace("spec:\n  limit: {}\n  x: 1\n", "")}, ["another Environment stands at"]),
    ],
    ids=["broken Environment", "unparsed Environment", "no Environment", "empty", "no organization", "two"],
)
def test_a_folder_that_cannot_be_used_stops_its_environment_and_says_where(
    tmp_path: Path, files: dict[str, str | None], words: list[str]
) -> None:
    api = Api()
    folder = environment(tmp_path / "m", "production", "acme")
    write(folder, "globex", organization("globex", "  dispalyName: x\n"))  # not what stops it
    for name, text in files.items():
        path = folder / f"{name}.yaml"
        path.unlink(missing_ok=True)
        if text is not None:
            path.write_text(text)

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            status = await here.becomes(fails)
            assert status["conditions"][0]["reason"] == "SourceError"
            for word in words:
                assert word in status["message"], status["message"]
            assert "dispalyName" not in status["message"]
            logged = [line for line in here.lines if line["event"] == "pass failed"]
            assert logged[0]["error"] == status["message"]
            assert not api.requests
            (folder / "second.yaml").unlink(missing_ok=True)
            environment(folder, "production", "acme", "globex")
            await here.becomes(success)

    asyncio.run(work())


@pytest.mark.parametrize("below", ["m", "not/there/yet"], ids=["it alone", "with all above it"])
def test_a_folder_that_is_away_is_waited_for(tmp_path: Path, below: str) -> None:
    api, folder = Api(), tmp_path / below

    async def work() -> None:
        async with daemon(api, source(folder, api.key()), poll_s=0.1) as here:
            status = await here.becomes(fails)
            assert "does not exist" in status["message"]
            assert (await here.get("/readyz")).status_code == 503
            assert (await here.get("/livez")).status_code == 200
            environment(folder, "production", "acme")
            await here.becomes(success)
            assert (await here.get("/readyz")).status_code == 200

    asyncio.run(work())


def test_a_loop_of_links_is_a_folder_that_is_away(tmp_path: Path) -> None:
    api, folder = Api(), tmp_path / "m"
    folder.symlink_to("m")

    async def work() -> None:
        async with daemon(api, source(folder, api.key()), poll_s=0.1) as here:
            status = await here.becomes(fails)
            assert "cannot read" in status["message"]
            folder.unlink()
            environment(folder, "production", "acme")
            await here.becomes(success)

    asyncio.run(work())


# -- what is not written


def test_a_worker_that_only_reports_never_writes(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")

    async def work() -> None:
        async with daemon(api, source(folder, api.key(), apply=False)) as here:
            status = await here.ended(1)
            assert (status["mode"], status["result"]) == ("plan", "partly")
            assert status["conditions"][0]["reason"] == "Pending"
            assert status["organizations"]["acme"]["conditions"][0]["reason"] == "Pending"
            samples = await here.samples()
            assert samples[sample("reconciler_resources", kind="Organization", status="pending")] == 1
            write(folder, "globex")
            await here.ended(2)
            assert api.requests
            assert not api.writes

    asyncio.run(work())
    assert once(api, source(folder, api.key(), apply=False)) == [0]


def test_a_refused_plan_writes_nothing_and_says_how_to_approve_it(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", *(f"o{n}" for n in range(101)))

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            status = await here.ended(1)
            assert status["conditions"][0]["reason"] == "Guarded"
            assert "--approve " in status["message"]
            assert (await here.get("/readyz")).status_code == 200
            samples = await here.samples()
            assert samples[sample("reconciler_guard_refusals_total", rule="maxCreates")] == 1
            assert samples[sample("reconciler_passes_total", result="refused")] == 1
            assert not api.writes

    asyncio.run(work())
    assert once(api, source(folder, api.key())) == [6]


def test_the_digest_that_a_refusal_names_approves_it_also_beside_a_broken_manifest(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "o1", "o2")
    write(folder, "broken", organization("broken", "  domains: [not a domain]\n"))
    bound: dict[str, Any] = {"limits": {"maxCreates": 1}}
    said = []

    async def work() -> None:
        async with daemon(api, source(folder, api.key(), **bound)) as here:
            said.append((await here.ended(1))["message"])

    asyncio.run(work())
    digest = said[0].rpartition("--approve ")[2]
    assert once(api, source(folder, api.key(), **bound, approve=digest)) == [8]
    assert api.names() == {"o1", "o2"}


def test_a_fault_of_our_own_in_one_environment_does_not_end_the_others(tmp_path: Path) -> None:
    api = Api()
    one = source(environment(tmp_path / "one", "production", "acme"), api.key())

    def broken() -> str:
        raise RuntimeError("ssoready_sk_this_must_not_be_seen")

    two = source(environment(tmp_path / "two", "development", "globex"), broken, "development")

    async def work() -> None:
        async with daemon(api, one, two) as here:
            await here.becomes(success)
            status = await here.becomes(fails, "development")
            assert status["message"].startswith("internal error: RuntimeError at ")
            assert not [text for text in texts(here.lines) if "must_not_be_seen" in text]

    asyncio.run(work())


def test_conditions_of_what_is_no_longer_declared_are_forgotten(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme", "globex")

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            assert set((await here.becomes(success))["organizations"]) == {"acme", "globex"}
            (folder / "globex.yaml").unlink()
            await here.becomes(lambda s: set(s["organizations"]) == {"acme"})
            assert api.names() == {"acme", "globex"}
            samples = await here.samples()
            assert samples[sample("reconciler_resources", kind="Organization", status="unmanaged")] == 1

    asyncio.run(work())


def test_the_codes_of_one_pass_are_each_environments_own(tmp_path: Path) -> None:
    api = Api()
    good = source(environment(tmp_path / "one", "production", "acme"), api.key())
    bad = source(environment(tmp_path / "two", "development", "globex"), UNKNOWN_KEY, "development")
    away = source(tmp_path / "away", UNKNOWN_KEY.replace("0", "1"), "away")
    assert once(api, good, bad, away) == [0, 3, 8]
    assert api.names() == {"acme"}
