"""One simulated world from its first second to its rest, and what must hold when it has come to rest."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections import Counter
from pathlib import Path

import structlog
from msgspec import Struct

from reconciler.cli import logs
from reconciler.emulator import Emulator, Store
from reconciler.emulator.exchange import Response
from reconciler.emulator.faults import RESPONSES
from reconciler.model.change import Plan
from reconciler.model.settings import Protected
from reconciler.render import json, text
from reconciler.render.style import Style
from tests.simulation.clock import run
from tests.simulation.ledger import ENVIRONMENT, Ledger, Sent, Violated
from tests.simulation.network import Network, Weather
from tests.simulation.oracle.breach import Breach
from tests.simulation.oracle.judge import Oracle
from tests.simulation.people import DOMAINS, Editors, Outsiders
from tests.simulation.process import Reconciler, Surroundings, intents_known
from tests.simulation.repository import EPOCH_S, Repository
from tests.simulation.scenario import REST_PASSES, SETTLE_S, Scenario

REVOKED = Response.json(
    {"code": 2, "message": "get api key by secret value: no rows in result set", "details": ()}, 500
)
KILLED = {"before": 0.04, "during": 0.12, "after": 0.04}  # how often at a write's boundary
KILLED_WITH_A_SECRET = 0.8  # while one is made later than its process lives
SECRETS = ("/rotate-bearer-token", "/setup-urls")
ASKED = 0.25  # how often it is only asked to stop there
MOST_CREATES = 0  # organizations at a time, in a guarded world
MEDDLING = 0.02  # how often somebody acts between two requests
MEDDLING_WITH_A_WRITE = 0.1  # the same, where a change is being carried out
MEMORY = Path("/dev/shm")  # noqa: S108 flushing to a disk is not what is tested; its folders are made by tempfile


class Result(Struct, frozen=True):
    """How a world ended: None, or what was violated; the trace's hash, its lines, and what happened how often."""

    scenario: Scenario
    violation: str | None
    digest: str
    trace: tuple[str, ...]
    counts: Counter[str]


def simulate(scenario: Scenario) -> Result:
    """Runs a world. Never raises for what went wrong in it."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as target, intents_known():
        world: World | None = None

        async def main() -> None:
            nonlocal world
            world = World(scenario, target)
            await world.run()

        violation = None
        try:
            run(main)
        except Violated as violated:
            violation = str(violated)
        except Exception as error:  # noqa: BLE001 any crash of the product is a finding
            violation = f"{Breach.CRASH}: {type(error).__name__}: {error}"
        if world is None:
            raise RuntimeError(violation)
        ledger = world.ledger
        return Result(scenario, violation, ledger.digest, tuple(ledger.trace), ledger.counts)


def _written_to(sent: Sent) -> str | None:
    """The organization that a request is about to change, or something in it."""
    if sent.intent is None:
        return None
    change = sent.intent.change
    return next((each for each in (change.parent, change.live_id) if isinstance(each, str)), None)


class World:
    """Everything in it, and who acts when."""

    def __init__(self, scenario: Scenario, target: str) -> None:
        self.scenario = scenario
        self.store = Store.fresh(scenario.rng("server"))
        self.ledger = Ledger(self.store, lambda: asyncio.get_running_loop().time())
        self.weather = Weather(scenario)
        self.oracle = Oracle(target, EPOCH_S, SETTLE_S, self.ledger.violated)
        self.oracle.counts = self.ledger.counts
        self.network = Network(Emulator(self.store), self.ledger, self.oracle, self.weather)
        self.log = io.StringIO()
        environment = self.store.environments[ENVIRONMENT]
        rng = scenario.rng("people")
        self.repository = Repository(environment.id if rng.random() < 0.7 else None)
        self.editors = Editors(self.repository, self.ledger, scenario.rng("editors"))
        self.outsiders = Outsiders(self.ledger, scenario.rng("outsiders"))
        around = Surroundings(self.repository, self.network, self.ledger, self.oracle, target)
        if scenario.has("protected"):
            around.protected = Protected(domains=frozenset(DOMAINS[-2:]))
            self.oracle.protected = around.protected.domains
        if scenario.has("guarded"):
            self.oracle.most_creates = MOST_CREATES
            around.limits = {"maxCreates": MOST_CREATES}
        self.store.put_organization(self.store.environments["development"].id, display_name="Acme 1")
        around.publish = self._publish
        if scenario.has("limited"):
            around.per_second = scenario.rng("limited").choice((1.0, 3.0, 10.0))
        slots = 2 if scenario.has("second") else 1
        self.reconcilers = [Reconciler(slot, around, scenario.rng(f"reconciler {slot}")) for slot in range(slots)]
        self._moving = True
        self._failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._kills = scenario.rng("kills")
        self._meddling = scenario.rng("meddling")

    async def run(self) -> None:
        """The whole story."""
        self._log_into()
        if self.scenario.has("crowd"):
            self.outsiders.crowd(self.scenario.rng("crowd size").randint(8, 25))
        self.editors.begin()
        self.network.before = self._before_request
        self.network.on_its_way = lambda sent: self._die_maybe(sent, "during")
        self.network.after = lambda sent: self._die_maybe(sent, "after")
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._unhandled)
        self.ledger.on_violation = self._fail
        for reconciler in self.reconcilers:
            reconciler.start()
        acts = (self._edits(), self._visits(), self._clicks(), self._storms(), self._deaths(), self._keep_alive())
        tasks = [asyncio.create_task(act) for act in acts]
        await asyncio.wait([self._failed], timeout=self.scenario.hours * 3600)
        self._moving = False
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._raise_failures()
        await self._rest()
        self._no_secrets()

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        del loop
        error = context.get("exception")
        if isinstance(error, asyncio.CancelledError):
            return
        crash = Violated(Breach.CRASH, f"{context.get('message')}: {error!r}")
        self._fail(error if isinstance(error, Violated) else crash)

    def _fail(self, violation: Violated) -> None:
        """The first one ends the story."""
        if not self._failed.done():
            self._failed.set_exception(violation)

    def _raise_failures(self) -> None:
        if self._failed.done():
            self._failed.result()
        for reconciler in self.reconcilers:
            reconciler.raise_failure()

    def _publish(self, plan: Plan) -> None:
        self.editors.plan = plan

    # -- who acts when

    async def _edits(self) -> None:
        rng = self.scenario.rng("edit times")
        while self.scenario.has("edits"):
            await asyncio.sleep(rng.expovariate(1 / 600))
            self.editors.edit()
            await asyncio.sleep(rng.uniform(0, 20))  # git-sync
            for reconciler in self.reconcilers:
                reconciler.wake.set()

    async def _visits(self) -> None:
        rng = self.scenario.rng("customer times")
        while self.scenario.has("customers"):
            await asyncio.sleep(rng.expovariate(1 / 1500))
            self.outsiders.customer()

    async def _clicks(self) -> None:
        rng = self.scenario.rng("operator times")
        while self.scenario.has("operators"):
            await asyncio.sleep(rng.expovariate(1 / 1800))
            self.outsiders.operator()

    async def _storms(self) -> None:
        rng = self.scenario.rng("storms")
        while True:
            self.weather.share = rng.choice((0.0, 0.0, 0.05, 0.15, 0.4))
            self.weather.outage = None
            if self.scenario.has("outages") and rng.random() < 0.12:
                self.weather.outage = rng.choice((RESPONSES["database"], REVOKED, RESPONSES["502"]))
            await asyncio.sleep(rng.expovariate(1 / (300 if self.weather.outage else 900)))
            self._raise_failures()

    async def _deaths(self) -> None:
        rng = self._kills
        while self.scenario.has("kills"):
            await asyncio.sleep(rng.expovariate(1 / 2400))
            victim = rng.choice(self.reconcilers)
            if rng.random() < 0.5:
                victim.wake.set()  # most of its life a process waits; this one dies in the middle of a pass
                await asyncio.sleep(rng.uniform(0.0, 2.0))
            victim.kill() if rng.random() < 0.7 else victim.ask_to_stop()

    async def _keep_alive(self) -> None:
        rng = self.scenario.rng("restarts")
        while True:
            await asyncio.sleep(rng.choice((0.05, 0.5, 3.0, 30.0)))
            for reconciler in self.reconcilers:
                if not reconciler.running:
                    reconciler.raise_failure()
                    reconciler.start()

    def _before_request(self, sent: Sent) -> None:
        """Between any two requests somebody may act, or the process die."""
        if not self._moving:
            return
        if self.scenario.has("meddling") and self._meddling.random() < (
            MEDDLING_WITH_A_WRITE if sent.intent else MEDDLING
        ):
            act = self._meddling.choice((self.outsiders.customer, self.outsiders.operator))
            act(_written_to(sent) if self._meddling.random() < 0.7 else None)
        self._die_maybe(sent, "before")

    def _die_maybe(self, sent: Sent, when: str) -> None:
        """At a boundary of a write: before it leaves, while it is on its way, after its effect."""
        if not self._moving or not self.scenario.has("kills") or sent.method == "GET":
            return
        late_secret = when == "during" and sent.fault.startswith("late") and sent.target.endswith(SECRETS)
        if self._kills.random() >= (KILLED_WITH_A_SECRET if late_secret else KILLED[when]):
            return
        reconciler = self.reconcilers[sent.life.slot]
        if reconciler.life is not sent.life:
            return
        if when != "before" and self._kills.random() < ASKED:
            reconciler.ask_to_stop()
            return
        self.ledger.counts[f"killed {when} a write"] += 1
        reconciler.kill()

    # -- at rest

    async def _rest(self) -> None:
        """Faults and people have stopped: a bounded number of passes brings everything to rest."""
        for reconciler in self.reconcilers:
            reconciler.kill()
        self.ledger.note("world", "comes to rest")
        self.weather.share, self.weather.outage = 0.0, None
        self.editors.mend()
        await asyncio.sleep(120.0)  # until everything that is under way has arrived
        self._raise_failures()
        for reconciler in self.reconcilers:
            reconciler.start(loop=False)
        for number in range(REST_PASSES):
            await asyncio.sleep(2 * SETTLE_S)
            good = [await self._pass(reconciler) for reconciler in self.reconcilers]
            if all(good) and number:
                break
        await self._at_rest()

    async def _pass(self, reconciler: Reconciler) -> bool:
        life = reconciler.life
        if life is None:
            raise Violated(Breach.CRASH, "a process ended by itself")
        done = await reconciler.one_pass(life)
        self._raise_failures()
        return done

    async def _at_rest(self) -> None:
        reconciler = self.reconcilers[0]
        revision = self.repository.head
        if revision.desired is None or reconciler.life is None:
            self.ledger.violated(Breach.CRASH, "the manifests cannot be used at rest")
            return
        before = self.store.revision
        plan = await reconciler.plan(reconciler.life, revision)
        if self.store.revision != before:
            self.ledger.violated(Breach.PLAN_WROTE, "a plan changed something")
        if plan.changes:
            left = ", ".join(f"{change.action} {change.key}" for change in plan.changes)
            self.ledger.violated(
                Breach.UNDONE, f"after {REST_PASSES} passes without faults there is still to do: {left}"
            )
        self.oracle.at_rest(revision.declared, plan, self.ledger.rows(), asyncio.get_running_loop().time())
        self.log.write(str(json.dumps(json.plan(plan))))
        self.log.write(text.plan(plan, Style()))

    # -- secrets

    def _log_into(self) -> None:
        logs.configure("json", "info")
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(self.log))

    def _no_secrets(self) -> None:
        written = self.log.getvalue()
        keys = {key for each in self.store.environments.values() for key in (each.key, each.unprivileged_key)}
        for secret in sorted(keys | self.network.secrets):
            if secret in written:
                self.ledger.violated(Breach.LEAKED, "a secret stands in a log line")
