"""The way between a reconciler and the server: slow, lossy, and now and then repeating itself.

A request is on its own once it is sent: its effect comes whether or not its sender still waits, or lives.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import httpx
import msgspec
from msgspec import Struct

from reconciler.emulator import Emulator, Request, Response
from reconciler.emulator.faults import RESPONSES
from reconciler.emulator.rows import Row
from tests.simulation.ledger import Intent, Ledger, Life, Sent
from tests.simulation.oracle.attempt import Attempt, Ending
from tests.simulation.oracle.breach import Breach
from tests.simulation.oracle.judge import Oracle
from tests.simulation.scenario import SETTLE_S, Scenario

INTENT: ContextVar[Intent | None] = ContextVar("INTENT", default=None)
TIMEOUT_S = 10.0
EMPTY = Response.json({}, 200)
EMPTYING = 0.2  # of the requests that meet something
AT_ONCE_S = 1e-6


class Fate(Struct, frozen=True):
    """What becomes of a request: whether it arrives and when, and what its sender gets instead of the answer.

    `instead` is an exception's class, or an answer; `again_s` is when a proxy sends it a second time.
    """

    arrives: bool = True
    out_s: float = 0.01
    back_s: float = 0.01
    instead: type[httpx.TransportError] | Response | None = None
    instead_s: float | None = None  # when the sender gets that, if not when the answer would have come
    again_s: float | None = None


class Weather:
    """How bad things are at the moment; `share` of the requests meet something."""

    def __init__(self, scenario: Scenario) -> None:
        self._rng = scenario.rng("weather")
        self._fates = tuple(fate for part, fates in FATES.items() if scenario.has(part) for fate in fates)
        self._late = FATES["late"] if scenario.has("late") else self._fates
        self._empty_until_s: dict[str, float] = {}
        self._emptying = scenario.rng("emptied") if scenario.has("emptied") else None
        self.share = 0.0
        self.outage: Response | None = None

    def empties(self, list_: str) -> bool:
        """Whether something on the way answers this list with nothing, now and for a while."""
        if self._emptying and self._emptying.random() < EMPTYING * self.share:
            self._empty_until_s[list_] = _now() + self._emptying.uniform(0.5, 30.0)
        return _now() < self._empty_until_s.get(list_, 0.0)

    def fate(self, method: str) -> tuple[str, Fate]:
        """What becomes of the next request; creates meet with more, since there are few, and more to lose."""
        rng, create = self._rng, method == "POST"
        out_s, back_s = rng.uniform(0.002, 0.08), rng.uniform(0.002, 0.08)
        if self.outage is not None:
            return "outage", Fate(False, out_s, back_s, self.outage)
        share = min(0.6, 3 * self.share) if create else self.share
        if not self._fates or rng.random() >= share:
            return "", Fate(True, out_s, back_s)
        name, make = rng.choice(self._late if create and rng.random() < 0.5 else self._fates)
        return name, make(rng, out_s, back_s)


Make = Callable[[random.Random, float, float], Fate]


def _lost(instead: Any, *, arrives: bool) -> Make:
    return lambda _, out_s, back_s: Fate(arrives, out_s, back_s, instead)


def _late(instead: Any) -> Make:
    """Its sender knows soon that it failed, or gives up; its effect comes later, mostly within the settle time."""

    def make(rng: random.Random, out_s: float, back_s: float) -> Fate:
        delay_s = rng.uniform(0.2, SETTLE_S - 0.2) if rng.random() < 0.9 else rng.uniform(SETTLE_S, 40.0)
        if instead is httpx.ReadTimeout:
            return Fate(True, TIMEOUT_S + delay_s, back_s, instead, TIMEOUT_S)
        return Fate(True, out_s + delay_s, back_s, instead, out_s + back_s)

    return make


def _twice(rng: random.Random, out_s: float, back_s: float) -> Fate:
    return Fate(True, out_s, back_s, again_s=out_s + rng.uniform(0.001, 2.0))


def _slow(rng: random.Random, out_s: float, back_s: float) -> Fate:
    return Fate(True, out_s * rng.uniform(1, 40), back_s * rng.uniform(1, 60))


_500, _502, _503, _504 = (RESPONSES[code] for code in ("500", "502", "503", "504"))
_WITHOUT_EFFECT = (b"failed to connect", b"no rows in result set")  # it did not come to reading the request
_PAGE = Response(200, {"content-type": "text/html"}, b"<html>please sign in</html>")
FATES: dict[str, tuple[tuple[str, Make], ...]] = {
    "lost": (
        ("refused", _lost(httpx.ConnectError, arrives=False)),
        ("reset", _lost(httpx.ReadError, arrives=False)),
        ("reset after", _lost(httpx.ReadError, arrives=True)),
        ("closed after", _lost(httpx.RemoteProtocolError, arrives=True)),
        ("timeout", lambda _, out_s, back_s: Fate(False, out_s, back_s, httpx.ReadTimeout, TIMEOUT_S)),
        ("timeout after", lambda _, out_s, back_s: Fate(True, out_s, back_s, httpx.ReadTimeout, TIMEOUT_S)),
        ("slow", _slow),
    ),
    "errors": (
        ("429", _lost(RESPONSES["429"], arrives=False)),
        ("500", _lost(_500, arrives=False)),
        ("500 after", _lost(_500, arrives=True)),
        ("502", _lost(_502, arrives=False)),
        ("502 after", _lost(_502, arrives=True)),
        ("503", _lost(_503, arrives=False)),
        ("503 after", _lost(_503, arrives=True)),
        ("504 after", _lost(_504, arrives=True)),
        ("database away", _lost(RESPONSES["database"], arrives=False)),
        ("empty 200", _lost(RESPONSES["empty-200"], arrives=False)),
        ("empty 200 after", _lost(RESPONSES["empty-200"], arrives=True)),
        ("a page of a proxy", _lost(_PAGE, arrives=False)),
    ),
    "late": (
        ("late, timeout", _late(httpx.ReadTimeout)),
        ("late, reset", _late(httpx.ReadError)),
        ("late, 500", _late(_500)),
        ("late, 502", _late(_502)),
        ("late, 503", _late(_503)),
        ("late, 504", _late(_504)),
        ("late, empty 200", _late(RESPONSES["empty-200"])),
    ),
    "twice": (("twice", _twice),),
}


class Network:
    """Carries requests to the emulator and answers back, as the weather allows."""

    def __init__(self, emulator: Emulator, ledger: Ledger, oracle: Oracle, weather: Weather) -> None:
        self._emulator = emulator
        self._oracle = oracle
        self._ledger = ledger
        self._weather = weather
        self.keys = {name: each.key for name, each in emulator.store.environments.items()}
        self.secrets: set[str] = set()
        self.before: Callable[[Sent], None] = lambda _: None
        self.on_its_way: Callable[[Sent], None] = lambda _: None
        self.after: Callable[[Sent], None] = lambda _: None

    async def carry(self, life: Life, request: httpx.Request) -> httpx.Response:
        """Sends a request and waits for what comes back."""
        if life.dead:
            raise asyncio.CancelledError
        target = request.url.raw_path.decode()
        sent = Sent(life, _now(), request.method, target, INTENT.get())
        if life.planning and request.method != "GET":
            self._ledger.violated(Breach.PLAN_WROTE, f"a plan sent {request.method} {target}")
        self.before(sent)
        if life.dead:
            raise asyncio.CancelledError
        name, fate = self._fate(sent)
        self._ledger.counts["requests"] += 1
        sent.fault = name
        if name:
            self._ledger.counts["faults"] += 1
            self._ledger.counts[f"fault: {name}"] += 1
        why = f"for {sent.intent.change.key.organization}/{sent.intent.change.key.name}" if sent.intent else ""
        self._ledger.note(f"{life.slot}.{life.number}", " ".join(filter(None, (sent.method, target, why, name))))
        body = msgspec.json.decode(request.content) if request.content else {}
        attempt = Attempt(life.slot, sent.at_s, sent.method, target, body)
        if life.of is None:
            raise LookupError("a request outside any pass")
        life.of.disturbed |= bool(name)
        self._oracle.sending(life.of, attempt)
        self._ledger.sending(sent, body.get("organizationId"))
        if sent.method != "GET":
            self._ledger.movers.append(life.of)
        answer = self._launched(sent, _request(request, target), fate)
        asyncio.get_running_loop().call_soon(self.on_its_way, sent)
        try:
            response = await answer
        except httpx.TransportError as error:
            attempt.ending = Ending.UNDONE if isinstance(error, httpx.ConnectError) else Ending.UNKNOWN
            raise
        else:
            own = fate.instead is None
            if sent.method == "GET" and response.status_code == 200 and own:
                self._ledger.answered(sent)
            self._ended(sent, attempt, response, own=own)
            if fate.instead is EMPTY and sent.of is not None and not sent.list[1]:
                sent.of.shown.emptied(sent.target)
            return response
        finally:
            sent.ended_s = attempt.ended_s = _now()

    def _ended(self, sent: Sent, attempt: Attempt, response: httpx.Response, *, own: bool) -> None:
        """A response came, the server's own or another one."""
        if own and response.status_code == 200:
            attempt.ending = Ending.DONE
            if sent.of is not None:
                self._oracle.arrived(sent.of, attempt, msgspec.json.decode(response.content), sent.first_shown)
            if attempt.secret is not None:
                asyncio.get_running_loop().call_later(AT_ONCE_S, self._delivered, sent.life, attempt)
        elif own or response.status_code == 429 or any(words in response.content for words in _WITHOUT_EFFECT):
            attempt.ending = Ending.UNDONE
            if own and sent.of is not None:
                self._oracle.refused(sent.of, attempt)
                if sent.method == "GET" and attempt.id:
                    self._ledger.gone(sent)
        else:
            attempt.ending = Ending.UNKNOWN

    def _fate(self, sent: Sent) -> tuple[str, Fate]:
        """What becomes of a request. A list is emptied only where its reader can tell that it is not so.

        That is a page that another one promised, and a list of which the process has seen something.
        """
        name, fate = self._weather.fate(sent.method)
        list_, token = sent.list
        if list_ and self._weather.empties(list_) and (token or self._ledger.has_shown(sent.life, list_)):
            return "an empty list", Fate(False, fate.out_s, fate.back_s, EMPTY)
        return name, fate

    def _delivered(self, life: Life, attempt: Attempt) -> None:
        if not life.dead:
            self._oracle.delivered(attempt)

    def _launched(self, sent: Sent, request: Request, fate: Fate) -> asyncio.Future[httpx.Response]:
        loop = asyncio.get_running_loop()
        received: asyncio.Future[httpx.Response] = loop.create_future()

        def end(result: type[httpx.TransportError] | Response) -> None:
            if received.done():
                return
            if isinstance(result, Response):
                received.set_result(_response(result))
            else:
                received.set_exception(result("simulated"))

        def arrive() -> None:
            answer = self._serve(sent, request)
            if fate.instead is None:
                loop.call_later(fate.back_s, end, answer)

        for at_s in (fate.out_s, fate.again_s) if fate.arrives else ():
            if at_s is not None:
                loop.call_later(at_s, arrive)
        if fate.instead is not None:
            at_s = fate.out_s + fate.back_s if fate.instead_s is None else fate.instead_s
            loop.call_later(at_s, end, fate.instead)
        loop.call_later(TIMEOUT_S, end, httpx.ReadTimeout)
        return received

    def _serve(self, sent: Sent, request: Request) -> Response:
        """The server has it: the effect, judged at once."""
        if request.method == "GET":
            answer = self._emulator.handle(request)
            if answer.status == 200:
                self._ledger.served_read(sent, self._shown(answer))
        else:
            before = self._ledger.rows()
            answer = self._emulator.handle(request)
            self._ledger.served_write(sent, before)
            self._remember_secrets(answer)
        if not sent.served:
            sent.served, sent.first_shown = True, self._shown(answer)
        self._ledger.note("server", f"{request.method} {sent.target} {answer.status}")
        self.after(sent)
        return answer

    def _shown(self, answer: Response) -> dict[str, Row]:
        document = msgspec.json.decode(answer.body) if answer.body else {}
        items = [each for value in document.values() if isinstance(value, list) for each in value]
        items += [value for value in document.values() if isinstance(value, dict)]
        other = {each.id: each for each in self._ledger.store.organizations("development")}
        rows = {**other, **self._ledger.rows()}
        return {
            item["id"]: rows[item["id"]] for item in items if isinstance(item, dict) and item.get("id") in rows
        }

    def _remember_secrets(self, answer: Response) -> None:
        document = msgspec.json.decode(answer.body) if answer.body and answer.status == 200 else {}
        self.secrets |= {document[name] for name in ("bearerToken", "url") if name in document}


class Transport(httpx.AsyncBaseTransport):
    """One lane's end of the network."""

    def __init__(self, network: Network, life: Life) -> None:
        self._network = network
        self._life = life

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._network.carry(self._life, request)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _request(request: httpx.Request, target: str) -> Request:
    headers = {name.decode().lower(): value.decode() for name, value in request.headers.raw}
    return Request.of(request.method, target, headers, request.content)


def _response(answer: Response) -> httpx.Response:
    return httpx.Response(answer.status, headers=dict(answer.headers), content=answer.body)
