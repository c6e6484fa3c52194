"""Seeded organizations look like a customer base and depend on the randomness alone."""

from __future__ import annotations

import random

from cryptography import x509

from reconciler.emulator import Store
from reconciler.emulator.seed import certificate, plant


def planted(seed: int, count: int) -> Store:
    store = Store.fresh(random.Random(seed))
    plant(store, store.environments["production"].id, count)
    return store


def test_there_are_as_many_as_asked_for_with_different_names_and_domains() -> None:
    organizations = planted(1, 1200).organizations("production")
    domains = [domain for organization in organizations for domain in organization.domains]
    assert len(organizations) == 1200
    assert len({organization.display_name for organization in organizations}) == 1200
    assert len(set(domains)) == len(domains)


def test_there_are_all_sorts_of_customers() -> None:
    store = planted(2, 200)
    organizations = store.organizations("production")
    connections = [store.connections(organization.id) for organization in organizations]
    directories = [row for organization in organizations for row in store.directories(organization.id)]
    assert {len(rows) for rows in connections} == {0, 1, 2}
    assert {bool(row.idp_certificate) for rows in connections for row in rows} == {True, False}
    assert all(sum(row.primary for row in rows) == 1 for rows in connections if rows)
    assert {row.has_client_bearer_token for row in directories} == {True, False}
    assert {bool(organization.external_id) for organization in organizations} == {True, False}


def test_the_same_randomness_plants_the_same() -> None:
    assert planted(3, 30).contents() == planted(3, 30).contents()
    assert planted(3, 30).contents() != planted(4, 30).contents()


def test_a_certificate_lasts_as_long_as_asked_for() -> None:
    parsed = x509.load_pem_x509_certificate(certificate(random.Random(1), "acme", days=30).encode())
    assert (parsed.not_valid_after_utc - parsed.not_valid_before_utc).days == 30
