"""An emulator that tests call without a socket."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.emulator import Emulator, Request, Response, Store


class Caller:
    """Sends requests with production's key and JSON bodies."""

    def __init__(self, seed: int = 1) -> None:
        self.store = Store.fresh(random.Random(seed))
        self.emulator = Emulator(self.store)
        self.environment = self.store.environments["production"]

    def call(
        self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        content = b"" if body is None else json.dumps(body).encode()
        authorization = {"authorization": f"Bearer {self.environment.key}"}
        return self.emulator.handle(Request.of(method, target, {**authorization, **(headers or {})}, content))

    def ask(self, method: str, target: str, body: Any = None) -> Any:
        response = self.call(method, target, body)
        assert response.status == 200, response
        return json.loads(response.body)

    def organization(self, **fields: Any) -> str:
        return str(self.ask("POST", "/v1/organizations", fields)["organization"]["id"])


@pytest.fixture
def api() -> Caller:
    return Caller()
