"""An emulator to talk to by plain calls."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from typing import Any

import pytest

from reconciler.emulator import Answer, Emulator, Request, Store


class Caller:
    """Calls an emulator with the key of production, bodies as values."""

    def __init__(self, seed: int = 1) -> None:
        self.store = Store.fresh(random.Random(seed))
        self.emulator = Emulator(self.store)
        self.environment = self.store.environments["production"]

    def call(self, method: str, target: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        content = b"" if body is None else json.dumps(body).encode()
        authorization = {"authorization": f"Bearer {self.environment.key}"}
        return self.emulator.handle(Request.of(method, target, {**authorization, **(headers or {})}, content))

    def ask(self, method: str, target: str, body: Any = None) -> Any:
        answer = self.call(method, target, body)
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def organization(self, **fields: Any) -> str:
        return str(self.ask("POST", "/v1/organizations", fields)["organization"]["id"])


@pytest.fixture
def api() -> Caller:
    return Caller()
