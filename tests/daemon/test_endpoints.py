"""What the daemon tells over HTTP: the probes, every metric by name and labels, the status document."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from reconciler.core.applying.verdict import PassResult, Verdict
from reconciler.daemon.http import application, serving
from reconciler.daemon.metrics import Metrics
from reconciler.daemon.status import EnvironmentStatus, Status
from reconciler.model.errors import UsageError
from tests.support.daemons import Api, daemon, environment, organization, sample, source, write

# The documented names, each with its labels.
DOCUMENTED = {
    "reconciler_passes_total": {"environment", "result"},
    "reconciler_pass_duration_seconds": {"environment"},
    "reconciler_last_success_timestamp_seconds": {"environment"},
    "reconciler_resources": {"environment", "kind", "status"},
    "reconciler_changes_total": {"environment", "kind", "action", "result"},
    "reconciler_api_requests_total": {"environment", "method", "route", "code"},
    "reconciler_api_request_duration_seconds": {"environment"},
    "reconciler_api_retries_total": {"environment"},
    "reconciler_creates_uncertain": {"environment"},
    "reconciler_duplicates": {"environment"},
    "reconciler_guard_refusals_total": {"environment", "rule"},
    "reconciler_source_info": {"environment", "revision"},
    "reconciler_leader": {"environment"},
    "reconciler_stopped": {"environment"},
    "reconciler_manifests_vanished": {"environment"},
    "reconciler_suspended": {"environment"},
    "reconciler_log_lines_dropped": set(),
}
SAMPLE = re.compile(r"(\w+?)(?:_bucket|_count|_sum)?(?:\{(.*)\})?")
LABEL = re.compile(r'(\w+)="')


def labels(samples: dict[str, float]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in samples:
        matched = SAMPLE.fullmatch(each)
        assert matched, each
        found.setdefault(matched[1], set()).update(LABEL.findall(matched[2] or ""))
    return {name: own - {"le"} for name, own in found.items()}


def family(samples: dict[str, float], name: str) -> dict[str, float]:
    return {each: value for each, value in samples.items() if each.startswith(name) and value}


def test_a_label_is_masked_like_all_else_that_is_shown() -> None:
    key = "ssoready_sk_" + "a" * 25
    text = Metrics([f"of {key}"]).text()
    assert key.encode() not in text
    assert b'environment="of ***"' in text


def test_the_metrics_have_the_documented_names_and_labels_and_no_customers_name(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")
    (folder / "broken.yaml").write_text(organization("globex", "  dispalyName: x\n"))

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            await here.ended(1)
            samples = await here.samples()
            assert labels(samples) == DOCUMENTED
            text = (await here.get("/metrics")).text
            assert "acme" not in text
            assert "globex" not in text
            assert (await here.get("/metrics")).headers["content-type"].startswith("text/plain; version=0.0.4")

    asyncio.run(work())


def test_every_counter_is_there_from_the_start_at_zero() -> None:
    metrics = Metrics(["production", "development"])
    samples = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in metrics.text().decode().splitlines()
        if not line.startswith("#")
    }
    expected = {name: own for name, own in DOCUMENTED.items() if name != "reconciler_source_info"}
    assert labels(samples) == expected
    assert not [each for each, value in samples.items() if value]
    for result in PassResult:
        assert f'reconciler_passes_total{{environment="development",result="{result}"}}' in samples


def test_the_metrics_count_what_happened(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")
    write(folder, "okta", organization("okta", "  samlConnections: [{name: a}]\n  scimDirectories: [{name: b}]\n"))
    write(folder, "held", organization("held", "  suspend: moving, ask Kim\n"))
    write(folder, "lost", organization("lost", "  id: org_" + "1" * 25 + "\n"))
    api.put("unmanaged")

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            await here.ended(1)
            samples = await here.samples()
            assert family(samples, "reconciler_resources") == {
                sample("reconciler_resources", kind="Organization", status="ready"): 2,
                sample("reconciler_resources", kind="Organization", status="suspended"): 1,
                sample("reconciler_resources", kind="Organization", status="blocked"): 1,
                sample("reconciler_resources", kind="Organization", status="unmanaged"): 1,
                sample("reconciler_resources", kind="SAMLConnection", status="ready"): 1,
                sample("reconciler_resources", kind="SCIMDirectory", status="ready"): 1,
            }
            assert family(samples, "reconciler_changes_total") == {
                sample("reconciler_changes_total", action="create", kind="Organization", result="applied"): 2,
                sample("reconciler_changes_total", action="create", kind="SAMLConnection", result="applied"): 1,
                sample("reconciler_changes_total", action="create", kind="SCIMDirectory", result="applied"): 1,
            }
            assert family(samples, "reconciler_passes_total") == {
                sample("reconciler_passes_total", result="partly"): 1
            }
            route = sample("reconciler_api_requests_total", code="200", method="POST", route="/v1/organizations")
            assert samples[route] == 2
            assert samples[sample("reconciler_suspended")] == 1
            assert samples[sample("reconciler_last_success_timestamp_seconds")] == 0
            assert samples[sample("reconciler_api_request_duration_seconds_count")] == len(api.requests)

    asyncio.run(work())


def test_every_environment_has_gauges_of_its_own(tmp_path: Path) -> None:
    api = Api()
    one = source(environment(tmp_path / "one", "production", "acme"), api.key())
    two = source(tmp_path / "two", api.key("development"), "development")
    names = ("production", "development")
    last = {name: sample("reconciler_last_success_timestamp_seconds", name) for name in names}
    ready = [sample("reconciler_resources", name, kind="Organization", status="ready") for name in names]

    async def work() -> None:
        async with daemon(api, one, two) as here:
            await here.becomes(lambda s: bool(s["result"] == "success"))
            samples = await here.samples()
            assert samples[last["production"]] > 0
            assert samples[last["development"]] == 0
            environment(tmp_path / "two", "development", "globex", "initech")
            await here.becomes(lambda s: bool(s["result"] == "success"), "development")
            samples = await here.samples()
            assert samples[last["development"]] > 0
            assert [samples[each] for each in ready] == [1, 2]
            assert len(family(samples, "reconciler_source_info")) == 2
            write(tmp_path / "two", "umbrella")
            await here.becomes(lambda _: "umbrella" in api.names("development"), "development")
            await here.ended(3, "development")
            assert len(family(await here.samples(), "reconciler_source_info")) == 2

    asyncio.run(work())


def test_an_uncertain_create_is_counted_and_stands_as_a_condition(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")

    async def lose(_: Any) -> None:
        raise ConnectionResetError

    async def work() -> None:
        api.on_write = lose
        async with daemon(api, source(folder, api.key())) as here:
            status = await here.ended(1)
            conditions = {c["type"]: c for c in status["organizations"]["acme"]["conditions"]}
            assert conditions["CreateUncertain"]["status"] is True
            assert conditions["CreateUncertain"]["reason"] == "Unknown"
            assert "CreateUncertain" in {c["type"] for c in status["conditions"]}
            assert (await here.samples())[sample("reconciler_creates_uncertain")] == 1

    asyncio.run(work())


def test_a_duplicate_is_no_success_until_it_is_ruled_out(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production")
    acme = api.put("acme", display_name="Acme")
    for _ in range(2):
        api.store.put_connection(acme, idp_entity_id="e1")
    first, second = sorted(each.id for each in api.store.connections(acme))
    pinned = f"  samlConnections: [{{name: okta, id: {first}, idp: {{entityId: e1}}}}]\n"
    write(folder, "acme", organization("acme", pinned))

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            status = await here.ended(1)
            assert (status["result"], status["lastSuccess"]) == ("partly", None)
            (ready, twice) = status["organizations"]["acme"]["conditions"]
            assert (ready["status"], twice["type"], twice["status"]) == (False, "Duplicate", True)
            assert second in twice["message"]
            assert (await here.samples())['reconciler_duplicates{environment="production"}'] == 1
            (line,) = (each for each in here.lines if each["event"] == "duplicate")
            assert (line["log_level"], line["organization"], line["name"]) == ("warning", "acme", "okta")
            write(folder, "acme", organization("acme", f"{pinned}  distinctFrom: [{second}]\n"))
            await here.becomes(lambda status: status["result"] == "success")
            assert (await here.samples())['reconciler_duplicates{environment="production"}'] == 0

    asyncio.run(work())
    assert api.writes == []


def test_a_lost_token_stands_as_a_condition(tmp_path: Path) -> None:
    """The rotation had its effect, and its answer was lost."""
    api, folder = Api(), environment(tmp_path / "m", "production")
    text = organization("acme", "  scimDirectories: [{name: okta, bearerToken: issue}]\n")
    write(folder, "acme", text)

    async def lose(request: Any) -> None:
        if "rotate" in request.url.path:
            raise ConnectionResetError

    async def work() -> None:
        api.on_write = lose
        target = str(tmp_path / "out")
        async with daemon(api, source(folder, api.key(), deliver_path=target), retry_s=0.05) as here:
            await here.ended(2)
            status = await here.status()
            lost = status["organizations"]["acme"]["conditions"][1]
            assert (lost["type"], lost["reason"], lost["status"]) == ("TokenLost", "TokenLost", True)
            assert "rotate-token acme okta" in lost["message"]
            assert len([target for _, target in api.writes if "rotate" in target]) == 1

    asyncio.run(work())


def test_the_status_has_times_revision_and_reason_of_every_condition(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production", "acme")
    write(folder, "held", organization("held", "  suspend: moving, ask Kim\n"))

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            status = await here.ended(1)
            assert (await here.get("/status")).json()["kind"] == "Status"
            assert status["environmentId"] == api.store.environments["production"].id
            assert status["revision"].startswith("sha256:")
            last, upcoming = (datetime.fromisoformat(status[name]) for name in ("lastPass", "nextPass"))
            assert 500 < (upcoming - last).total_seconds() < 700
            held = status["organizations"]["held"]["conditions"]
            assert [(c["type"], c["status"], c["reason"]) for c in held] == [
                ("Ready", False, "Suspended"),
                ("Suspended", True, "Suspended"),
            ]
            assert held[1]["message"] == "moving, ask Kim"
            for condition in [*held, *status["conditions"]]:
                assert condition["revision"] == status["revision"]
                assert datetime.fromisoformat(condition["since"]) <= last

    asyncio.run(work())


def test_a_secret_in_a_manifest_is_not_repeated_by_the_status(tmp_path: Path) -> None:
    api, folder = Api(), environment(tmp_path / "m", "production")
    write(folder, "held", organization("held", f"  suspend: the key is {api.key()}\n"))

    async def work() -> None:
        async with daemon(api, source(folder, api.key())) as here:
            status = await here.ended(1)
            assert status["organizations"]["held"]["conditions"][1]["reason"] == "InvalidManifest"
            assert api.key() not in (await here.get("/status")).text

    asyncio.run(work())


def test_a_secret_that_came_into_the_status_all_the_same_is_masked() -> None:
    key = "ssoready_sk_" + "a" * 25
    status = Status(0.0)
    status.environments["production"] = EnvironmentStatus(message=f"the key is {key}")
    assert json.loads(status.body())["environments"]["production"]["message"] == "the key is ***"


def test_a_condition_keeps_the_time_since_when_it_holds() -> None:
    status = EnvironmentStatus()
    good = Verdict(PassResult.SUCCESS, "Reconciled", "", "", 0, retry=False)
    status.note(structs.replace(good, result=PassResult.PARTLY), 10.0)
    status.note(structs.replace(good, result=PassResult.REFUSED), 20.0)
    assert (status.conditions()[0].since, status.last_pass, status.last_success) == (10.0, 20.0, None)
    status.note(good, 30.0)
    status.note(good, 40.0)
    assert (status.conditions()[0].since, status.last_pass, status.last_success) == (30.0, 40.0, 40.0)


def test_the_probes_tell_the_loops_health_alone() -> None:
    async def ask(status: Status, *paths: str) -> list[int]:
        import httpx  # noqa: PLC0415

        transport = httpx.ASGITransport(application(status, Metrics([])))
        async with httpx.AsyncClient(transport=transport, base_url="http://daemon.example") as client:
            return [(await client.get(path)).status_code for path in paths]

    async def work() -> None:
        now = asyncio.get_running_loop().time()
        status = Status(now)
        assert await ask(status, "/livez", "/healthz", "/readyz") == [200, 200, 503]
        status.environments["production"] = EnvironmentStatus(configured=True)
        assert await ask(status, "/readyz") == [503]
        status.environments["production"].source_read = True
        assert await ask(status, "/readyz") == [200]
        assert await ask(Status(now - 61), "/livez", "/healthz") == [503, 503]
        assert await ask(status, "/nothing") == [404]

    asyncio.run(work())


@pytest.mark.parametrize("listen", ["nowhere", "127.0.0.1:x", "127.0.0.1:99999999999", "127.0.0.1"])
def test_an_address_that_cannot_be_had_is_a_usage_error(listen: str) -> None:
    async def work() -> None:
        async with serving(listen, Status(0.0), Metrics([])):
            raise AssertionError("it listens")

    with pytest.raises(UsageError, match="cannot listen at"):
        asyncio.run(work())


def test_a_taken_address_is_a_usage_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        async def work() -> None:
            async with serving(address, Status(0.0), Metrics([])):
                raise AssertionError("it listens")

        with pytest.raises(UsageError, match=address):
            asyncio.run(work())
