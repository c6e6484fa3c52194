"""Each operation of the API: what goes out, and that only a response about the same thing is accepted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconciler.api.client import Client
from reconciler.model.errors import BadAnswer
from reconciler.model.kinds import CONNECTION, DIRECTORY, ORGANIZATION
from reconciler.model.secret import Secret
from tests.support.build import conn_id, dir_id, org_id
from tests.support.scripted_api import GOOD, KEY, Server, connection, everything, live, ok, organization, writing

LINK = {"organizationId": org_id(1), "canManageSaml": True, "canManageScim": False}


def test_each_request_is_what_the_api_expects() -> None:
    directory = {"id": dir_id(1), "organizationId": org_id(1)}
    server = Server(
        ok({}),
        GOOD,
        ok({"samlConnections": [connection(1)], "nextPageToken": "a+b/c=="}),
        ok({"samlConnections": [connection(2)]}),
        GOOD,
        ok({"scimDirectory": directory}),
        GOOD,
        ok({"bearerToken": "t"}),
        ok({"url": "https://u"}),
    )

    async def use(client: Client) -> tuple[Secret, Secret]:
        await everything(client)
        async with client.lane() as lane:
            await lane.get(ORGANIZATION, org_id(1))
            await lane.children(CONNECTION, org_id(1))
            await lane.create(ORGANIZATION, {"displayName": "Ü", "domains": []})
            await lane.create(DIRECTORY, {"organizationId": org_id(1)})
            await lane.update(ORGANIZATION, org_id(1), {})
            return await lane.rotate(dir_id(1)), await lane.setup_url(org_id(1), saml=True, scim=False)

    lived = live(server, use)
    assert lived.error is None
    assert [secret.reveal() for secret in lived.result] == ["t", "https://u"]
    assert [(sent.method, sent.target, sent.body.decode()) for sent in server.sent] == [
        ("GET", "/v1/organizations", ""),
        ("GET", f"/v1/organizations/{org_id(1)}", ""),
        ("GET", f"/v1/saml-connections?organizationId={org_id(1)}", ""),
        ("GET", f"/v1/saml-connections?organizationId={org_id(1)}&pageToken=a%2Bb%2Fc%3D%3D", ""),
        ("POST", "/v1/organizations", '{"displayName":"Ü","domains":[]}'),
        ("POST", "/v1/scim-directories", f'{{"organizationId":"{org_id(1)}"}}'),
        ("PATCH", f"/v1/organizations/{org_id(1)}", "{}"),
        ("POST", f"/v1/scim-directories/{dir_id(1)}/rotate-bearer-token", ""),
        ("POST", "/v1/setup-urls", json.dumps(LINK, separators=(",", ":"))),
    ]
    for sent in server.sent:
        content = {"content-type": "application/json", "content-length": str(len(sent.body))} if sent.body else {}
        assert sent.headers == {
            "host": "api.example",
            "authorization": f"Bearer {KEY}",
            "accept": "application/json",
            "accept-encoding": "identity",
            "cache-control": "no-cache",
            "user-agent": "ssoready-reconciler",
            **(content or ({} if sent.method == "GET" else {"content-length": "0"})),
        }
    assert {sent.transport for sent in server.sent} == {0}


@pytest.mark.parametrize(
    ("what", "response", "part"),
    [
        ("update", ok({"organization": organization(2)}), f"the response is about {org_id(2)}"),
        (
            "create a connection",
            ok({"samlConnection": connection(1, parent=2)}),
            f"{conn_id(1)} belongs to another",
        ),
        ("create a connection", GOOD, "`samlConnection`"),
        ("rotate", ok({"bearerToken": ""}), "`bearerToken`"),
        ("make a link", ok({"url": None}), "`url`"),
    ],
)
def test_a_response_about_something_else_leaves_a_write_uncertain(what: str, response: Any, part: str) -> None:
    server = Server(response)
    lived = live(server, writing(what))
    assert type(lived.error) is BadAnswer
    assert part in str(lived.error)
    assert len(server.sent) == 1
