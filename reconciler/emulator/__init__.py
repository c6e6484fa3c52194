"""A stand-in for the Management API, so that everything can be tried and tested without a server.

    store = Store.fresh(random.Random(1))  # two empty environments
    key = store.environments["production"].key
    response = Emulator(store).handle(Request.of("GET", "/v1/organizations", {"authorization": f"Bearer {key}"}))

`Emulator` does no I/O, reads no clock and takes its randomness from the caller. From bottom to top:

    exchange       requests and responses as values
    ids, paging    ids, keys, tokens and page tokens
    certificates   which certificates the server accepts, and how it writes them anew
    rows, store    what there is, and the only code that changes it; tests and setup pages change it there, too
    fields         what a client may send
    routes         one row per route, and what it does
    emulator       from a request to its response
    setup          what a customer's administrator does behind a setup link
    seed           lifelike organizations
    faults         what `--fault` can do
    snapshot       a store in a file
    app, serve     the same over HTTP on loopback

The behaviour is that of a running server: `tests/contract` replays recordings of it. docs/decisions/emulator.md
says what is imitated and what is not. The package shares no table with the client, because every test would miss
a mistake in a shared table.
"""

from reconciler.emulator.emulator import Emulator
from reconciler.emulator.exchange import Request, Response
from reconciler.emulator.setup import SetupPage
from reconciler.emulator.store import Store

__all__ = ["Emulator", "Request", "Response", "SetupPage", "Store"]
