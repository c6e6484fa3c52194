"""Lifelike organizations to look at, the same for the same randomness.

Most have one configured connection, some have two or none; some have a directory; some never finished their setup;
some have no external id.
"""

from __future__ import annotations

import datetime as dt
import random

from reconciler.emulator.rows import Organization
from reconciler.emulator.store import Store

_FIRST = (  # noqa: SIM905 - words are easier to read than a column of strings
    "Acme Globex Initech Umbrella Northern Southern Alpine Coastal Harbor Summit Granite Cedar Maple Silver Copper"
    " Amber Blue Bright Swift Quiet Grand Royal Central Pacific Baltic Nordic Iberian Prairie Delta Vertex"
).split()
_SECOND = (  # noqa: SIM905 - as above
    "Freight Foods Energy Labs Dental Robotics Textiles Insurance Paper Optics Timber Logistics Bank Media Motors"
    " Pharma Software Tools Travel Water Steel Games Furniture Records Health Shipping Ceramics Farms Studios"
).split()
_FORMS = ("Inc.", "GmbH", "Ltd", "S.A.", "AB", "")
_REDIRECTS = {
    "http://www.okta.com/exk{tenant}": "https://{slug}.okta.com/app/{slug}/exk{tenant}/sso/saml",
    "https://sts.windows.net/{tenant}/": "https://login.microsoftonline.com/{tenant}/saml2",
    "https://accounts.google.com/o/saml2?idpid={tenant}": "https://accounts.google.com/o/saml2/idp?idpid={tenant}",
    "http://adfs.{slug}.example/adfs/services/trust": "https://adfs.{slug}.example/adfs/ls/",
}
_DAY_ZERO = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def plant(store: Store, environment_id: str, count: int) -> None:
    """Put `count` organizations into an empty environment."""
    rng = store.rng
    for number in range(count):
        first, second = _FIRST[number % len(_FIRST)], _SECOND[number // len(_FIRST) % len(_SECOND)]
        series = number // (len(_FIRST) * len(_SECOND))
        slug = f"{first}-{second}{series or ''}".lower()
        words = (first, second, str(series) if series else "", rng.choice(_FORMS))
        organization = store.put_organization(
            environment_id,
            display_name=" ".join(filter(None, words)),
            external_id=str(4711 + number) if rng.random() < 0.9 else "",
            domains=[f"{slug}.example", *([f"{slug}.test"] if rng.random() < 0.3 else [])],
        )
        _plant_connections(store, organization, slug)
        if rng.random() < 0.5:
            directory = store.put_directory(organization.id, primary=True)
            if rng.random() < 0.8:
                store.rotate_bearer_token(directory.id)


def _plant_connections(store: Store, organization: Organization, slug: str) -> None:
    rng = store.rng
    if rng.random() < 0.1:
        store.put_connection(organization.id, primary=True)  # invited, but not set up yet
        return
    for index in range(rng.choice((0, 1, 1, 1, 1, 1, 1, 2))):
        entity_id, redirect_url = rng.choice(tuple(_REDIRECTS.items()))
        tenant = f"{rng.getrandbits(64):016x}"
        store.put_connection(
            organization.id,
            primary=index == 0,
            idp_entity_id=entity_id.format(tenant=tenant, slug=slug),
            idp_redirect_url=redirect_url.format(tenant=tenant, slug=slug),
            idp_certificate=certificate(rng, f"{slug} {index}"),
        )


def certificate(rng: random.Random, name: str, *, days: int = 3650) -> str:
    """Return a self-signed certificate as PEM, valid for `days` from 2026-01-01; `rng` decides all of it."""
    from cryptography import x509  # noqa: PLC0415 - loaded where used
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    key = ec.derive_private_key(rng.getrandbits(255) + 1, ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name[:64])])
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(rng.getrandbits(127) + 1)
        .not_valid_before(_DAY_ZERO)
        .not_valid_after(_DAY_ZERO + dt.timedelta(days=days))
        .sign(key, hashes.SHA256(), ecdsa_deterministic=True)
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()
