"""A live environment as people leave it behind: every oddity that no manifest can hold, and sound customers."""

from __future__ import annotations

from reconciler.emulator import Store
from reconciler.emulator.seed import certificate, plant

OKTA = "http://www.okta.com/exk{0}", "https://acme.okta.com/app/exk{0}/sso/saml"
ENTRA = "https://sts.windows.net/{0}/", "https://login.microsoftonline.com/{0}/saml2"
SEVERAL_DOMAINS = [f"brand-{number}.example" for number in range(1500)]


def plant_oddities(store: Store, environment_id: str, *, sound: int = 12) -> None:
    """Puts sound organizations and, beside them, one for each oddity."""
    plant(store, environment_id, sound)
    names = (
        *(
            "Twin",
            "Twin",
            "twin!",
            "../x",
            "../../etc/passwd",
            "x" * 255,
            "🦄",
            "株式会社",
            "Müller & Söhne",
            "CON",
        ),
        *(
            "environment",
            "Acme\nLtd",
            "# not a comment",
            "yes",
            "1e3",
            "a: b",
            "\u202eevil",
            "",
            f"ssoready_sk_{'1' * 25}",
        ),
    )
    for name in names:
        store.put_organization(environment_id, display_name=name)
    for domains in (
        *(
            ["ACME.example"],
            [" blank.example"],
            ["twice.example", "twice.example"],
            ["Both.example", "both.example"],
        ),
        *(
            ["shared.example", "a.example"],
            ["SHARED.example"],
            ["gmail.com"],
            ["localhost"],
            ["https://x.example/"],
        ),
        *(["bücher.example"], ["1e3.example"], SEVERAL_DOMAINS),
    ):
        store.put_organization(environment_id, display_name=f"Domains {domains[0]}", domains=domains)
    store.put_organization(environment_id, external_id="0123", display_name="x" * 300)
    store.put_organization(environment_id, external_id="a\nb")
    for number, providers in enumerate(((OKTA, OKTA), (OKTA, ENTRA), (ENTRA, None), (None, None))):
        _connected(store, environment_id, number, providers)
    lone = store.put_organization(environment_id, display_name="Setup page")
    store.put_connection(lone.id)
    store.put_directory(lone.id)
    several = store.put_organization(environment_id, display_name="Several directories")
    for primary in (False, True):
        store.put_directory(several.id, primary=primary)
    idle = store.put_organization(environment_id, display_name="None primary")
    store.rotate_bearer_token(store.put_directory(idle.id).id)
    store.put_directory(idle.id)


def _connected(
    store: Store, environment_id: str, number: int, providers: tuple[tuple[str, str] | None, ...]
) -> None:
    """An organization with a connection for each provider; the first is primary, unless its number is odd."""
    organization = store.put_organization(environment_id, display_name=f"Connected {number}")
    for index, provider in enumerate(providers):
        tenant = f"{number}{index}"
        values = (
            {
                "idp_entity_id": provider[0].format(tenant),
                "idp_redirect_url": provider[1].format(tenant),
                "idp_certificate": certificate(store.rng, tenant),
            }
            if provider
            else {}
        )
        store.put_connection(organization.id, primary=index == 0 and number % 2 == 0, **values)
