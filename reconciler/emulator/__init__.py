"""A stand-in for the Management API, so that everything can be tried and tested without a server.

    store = Store.fresh(random.Random(1))                        # two environments, empty
    answer = Emulator(store).handle(Request.of("GET", "/v1/organizations", {"authorization": …}))

The heart is synchronous and deterministic: no I/O, no clock, randomness passed in. Latency, faults, files and
sockets lie around it.

    exchange     Request, Answer, and the two ways not to answer well
    ids          identifiers and keys: 128 bits in base 36
    protojson    request bodies, read as the server's own JSON reader reads them
    messages     which fields a request has; body, path and query → one message
    pem          certificates as the server keeps them
    paging       page tokens
    strictbase64 what both of them read
    rows, store  what there is, and the only code that changes it; tests change it here, too
    routes       one row per route, and what it does
    emulator     Request → Answer
    setup        what a customer's administrator does behind a setup link
    seed         lifelike organizations
    faults       what --fault can do
    snapshot     a store in a file
    app, serve   the same over HTTP, on loopback

Facts come from a running server; `tests/contract` holds the recorded ones and replays them. The package shares
no table with the client on purpose: a mistake in a shared one would be invisible to every test.
"""

from reconciler.emulator.emulator import Emulator
from reconciler.emulator.exchange import Answer, Request
from reconciler.emulator.setup import SetupPage
from reconciler.emulator.store import Store

__all__ = ["Answer", "Emulator", "Request", "SetupPage", "Store"]
