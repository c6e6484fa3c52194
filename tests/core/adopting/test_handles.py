"""What manifests, their files and children are called: unique, safe everywhere, and after what they are."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.adopting.handles import Handles, of_connections, of_directories, provider, slug
from tests.support.build import live, live_connection, live_directory

HANDLE = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


def name(*taken: str, display_name: str = "", external_id: str = "", domain: str = "") -> str:
    domains = [domain] if domain else []
    return Handles(taken).of(live(1, external_id, display_name=display_name, domains=domains).organization)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("Acme Corporation", "acme-corporation"),
        ("  Müller & Söhne GmbH ", "muller-sohne-gmbh"),
        ("Straße", "strasse"),
        ("../x", "x"),
        ("株式会社", ""),
        ("🦄", ""),
        ("x" * 300, "x" * 48),
        ("a" * 47 + " bc", "a" * 47),
    ],
)
def test_a_text_becomes_a_handle(text: str, made: str) -> None:
    assert slug(text) == made


def test_without_a_usable_display_name_the_next_best_is_taken() -> None:
    assert name(display_name="Acme", external_id="4711", domain="acme.example") == "acme"
    assert name(display_name="🦄", external_id="4711", domain="acme.example") == "4711"
    assert name(external_id="", domain="acme.example") == "acme-example"
    assert name() == "org-00000001"
    assert name(display_name=f"ssoready_sk_{'1' * 25}", external_id="4711") == "4711"


@pytest.mark.parametrize("taken", ["acme", "ACME"])
def test_a_name_that_is_taken_gets_a_number(taken: str) -> None:
    assert name(taken, display_name="Acme") == "acme-2"
    assert name(taken, "acme-2", display_name="Acme") == "acme-3"


@pytest.mark.parametrize("device", ["con", "NUL", "com1", "environment"])
def test_no_file_is_called_like_a_device_or_like_the_environment(device: str) -> None:
    assert name(display_name=device) == f"{device.lower()}-2"


@given(st.lists(st.text(max_size=80), max_size=20))
def test_handles_are_valid_and_differ_whatever_the_names_are(texts: list[str]) -> None:
    handles = Handles(())
    made = [handles.of(live(number, display_name=text).organization) for number, text in enumerate(texts)]
    assert all(HANDLE.fullmatch(each) and len(each) <= 63 for each in made)
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(
    ("entity", "url", "known"),
    [
        ("http://www.okta.com/exk1", "", "okta"),
        ("", "https://acme.oktapreview.com/app/x", "okta"),
        ("https://sts.windows.net/t/", "", "entra"),
        ("https://accounts.google.com/o/saml2?idpid=x", "", "google"),
        ("https://app.onelogin.com/saml/metadata/1", "", "onelogin"),
        ("https://sso.JumpCloud.com/saml2/x", "", "jumpcloud"),
        ("https://auth.pingone.eu/x", "", "ping"),
        ("https://id.acme.example/realms/main", "", "keycloak"),
        ("http://adfs.acme.example/adfs/services/trust", "", "adfs"),
        ("https://own.example", "https://own.example/sso", None),
        ("", "", None),
    ],
)
def test_the_provider_is_told_by_its_addresses(entity: str, url: str, known: str | None) -> None:
    assert provider(live_connection(1, entity=entity, url=url)) == known


def test_connections_are_called_after_their_providers() -> None:
    okta, other = "http://www.okta.com/x", "https://own.example"
    live_ones = [live_connection(n, entity=e) for n, e in enumerate((okta, other, okta, ""), 1)]
    assert of_connections(live_ones) == ["okta", "saml-1", "okta-2", "saml-2"]


def test_directories_are_called_after_the_only_provider() -> None:
    okta, other = (live_connection(1, entity=each) for each in ("http://www.okta.com/x", "https://own.example"))
    two = [live_directory(1), live_directory(2)]
    assert of_directories(two, [okta]) == ["okta", "okta-2"]
    assert of_directories(two, [okta, other]) == ["scim-1", "scim-2"]
    assert of_directories(two[:1], [other]) == ["scim-1"]
    assert of_directories(two[:1], []) == ["scim-1"]
