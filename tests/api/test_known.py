"""Nothing vanishes over this API: a list that lacks what is known is believed once a GET by id says it is gone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from reconciler.api.client import Client
from reconciler.model.errors import BadAnswer, Uncertain
from reconciler.model.kinds import CONNECTION, ORGANIZATION
from tests.support.build import conn_id, org_id
from tests.support.scripted_api import (
    Sent,
    Server,
    connection,
    connections,
    create,
    everything,
    get,
    live,
    ok,
    organization,
    organizations,
    refusal,
)

GONE = refusal("get organization: no rows in result set")
ONE = ok({"organization": organization(1)})
Use = Callable[[Client], Awaitable[Any]]


def twice(first: Use, second: Use) -> Use:
    """One after the other, by one client; the result is the second's."""

    async def use(client: Client) -> Any:
        await first(client)
        return await second(client)

    return use


def naming(*ids: str) -> Use:
    """Lists the organizations, among which these should be."""

    async def use(client: Client) -> list[str]:
        return [each.id async for page in client.organizations(frozenset(ids)) for each in page]

    return use


def targets(server: Server) -> list[str]:
    return [sent.target.removeprefix("/v1/") for sent in server.sent]


KNOWING: dict[str, tuple[Use, list[Any]]] = {
    "listed": (everything, [organizations(1, 2)]),
    "read": (get, [ONE]),
    "made": (create, [ONE]),
}


@pytest.mark.parametrize("how", KNOWING)
@pytest.mark.parametrize("lacking", [ok({}), organizations(2), organizations(2, 3)], ids=["empty", "one", "two"])
def test_a_list_without_an_organization_that_was_seen_and_is_there_is_uncertain(how: str, lacking: Any) -> None:
    use, responses = KNOWING[how]
    lived = live(Server(*responses, lacking, ONE), twice(use, everything))
    assert type(lived.error) is Uncertain
    assert str(lived.error).startswith("GET /v1/organizations: ")
    assert f"lacks {org_id(1)}" in str(lived.error)


def test_what_the_api_says_is_gone_may_be_missing_and_is_not_asked_for_again() -> None:
    server = Server(organizations(1, 2), organizations(2), GONE, organizations(2))
    lived = live(server, twice(everything, twice(everything, everything)))
    assert (lived.error, lived.result) == (None, [org_id(2)])
    assert targets(server) == ["organizations", "organizations", f"organizations/{org_id(1)}", "organizations"]


def test_a_list_is_uncertain_while_nobody_can_tell_whether_something_is_gone() -> None:
    lived = live(Server(organizations(1), ok({}), refusal("", 503)), twice(everything, everything), attempts=1)
    assert type(lived.error) is Uncertain
    assert lived.error.status == 503


def test_everything_that_is_missing_is_asked_for_on_all_lanes_until_one_is_there() -> None:
    known = range(1, 30)

    def respond(sent: Sent) -> Any:
        if sent.target == "/v1/organizations":
            return organizations(*known) if len(server.sent) == 1 else ok({})
        return ok({"organization": organization(7)}) if sent.target.endswith(org_id(7)) else GONE

    server = Server(respond)
    lived = live(server, twice(everything, everything), concurrency=10, requests_base=3)
    assert type(lived.error) is Uncertain
    assert f"lacks {org_id(7)}" in str(lived.error)
    assert server.most_at_once == 10
    assert len(server.sent) == 12, "those after it are not asked for"


@pytest.mark.parametrize(("response", "error"), [(ONE, Uncertain), (GONE, None)])
def test_a_list_has_to_hold_what_is_named_somewhere_unless_it_is_gone(response: Any, error: Any) -> None:
    lived = live(Server(organizations(2), response), naming(org_id(1), org_id(2)))
    assert (type(lived.error) if lived.error else None) is error


@pytest.mark.parametrize("id_", ["org_" + "z" * 25, "../keys", "", conn_id(1)], ids=repr)
def test_an_id_that_the_api_never_gave_out_is_not_asked_for(id_: str) -> None:
    """The server panics at a number of more than 128 bits, and a record can hold anything."""
    server = Server(organizations(2))
    assert live(server, naming(id_)).error is None
    assert targets(server) == ["organizations"]


def child(number: int, parent: int = 1) -> Any:
    return ok({"samlConnection": connection(number, parent)})


def listed(*numbers: int) -> Any:
    return ok({"samlConnections": [connection(number) for number in numbers]})


async def make(client: Client) -> None:
    async with client.lane() as lane:
        await lane.create(CONNECTION, {"organizationId": org_id(1)})


@pytest.mark.parametrize("first", [(connections, listed(1, 2)), (make, child(1))], ids=["listed", "made"])
def test_a_collection_without_a_child_that_was_seen_and_is_there_is_uncertain(first: tuple[Use, Any]) -> None:
    use, response = first
    lived = live(Server(response, ok({}), child(1)), twice(use, connections))
    assert type(lived.error) is Uncertain
    assert str(lived.error).startswith("GET /v1/saml-connections: ")
    assert f"lacks {conn_id(1)}" in str(lived.error)


def test_a_child_of_another_organization_is_missing_nowhere() -> None:
    async def use(client: Client) -> int:
        return len(await client.children(CONNECTION, org_id(1), frozenset({conn_id(9)})))

    assert live(Server(listed(1), child(9, parent=2)), use).result == 1
    assert type(live(Server(listed(1), child(9)), use).error) is Uncertain


def test_an_update_of_what_is_listed_later_is_remembered_once() -> None:
    """What was seen in one organization is not looked for in another."""

    async def use(client: Client) -> None:
        await client.children(CONNECTION, org_id(1))
        await client.children(CONNECTION, org_id(2))
        async with client.lane() as lane:
            await lane.update(ORGANIZATION, org_id(1), {})

    server = Server(listed(1), ok({}), ONE)
    assert live(server, use).error is None
    assert len(server.sent) == 3


def test_a_response_about_something_else_is_no_sign_of_life() -> None:
    lived = live(
        Server(organizations(1), ok({}), ok({"organization": organization(2)})),
        twice(everything, everything),
        attempts=1,
    )
    assert type(lived.error) is BadAnswer
