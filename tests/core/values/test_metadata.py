"""What a metadata file of an identity provider says, and what is wrong with others."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.values import metadata
from reconciler.core.values.metadata import parse
from reconciler.model.manifest import Severity
from tests.support.certificates import (
    MD,
    NOW,
    REDIRECT,
    SAML2,
    der,
    entity,
    key_descriptor,
    pem,
    private_key,
    role,
    service,
)

SAML1 = "urn:oasis:names:tc:SAML:1.1:protocol"


def told(text: str | bytes) -> tuple[bool, list[str]]:
    """Whether an identity provider was found, and the rule of each fault."""
    found, faults = parse(text.encode() if isinstance(text, str) else text, now=NOW, warn_days=30)
    return found is not None, [fault.rule.removeprefix("metadata/") for fault in faults]


@pytest.mark.parametrize(
    "text",
    [
        entity(),
        f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- made today -->\n{entity()}\n',
        f"<EntitiesDescriptor {MD}><x><y/></x>{entity()}</EntitiesDescriptor>",
        f"<EntitiesDescriptor {MD}>{entity('<SPSSODescriptor/>')}{entity()}</EntitiesDescriptor>",
        entity("<SPSSODescriptor/>", role()),
        entity(role(protocol=SAML1), role(protocol=f"{SAML1} {SAML2}")),
        entity(role().replace(f' protocolSupportEnumeration="{SAML2}"', "")),
        entity(role(key_descriptor(der(), None), service())),
        entity(role(key_descriptor(der("x.example"), "encryption"), key_descriptor(der()), service())),
        entity(role(key_descriptor(der()), key_descriptor(der()), service(), service())),
        entity(role(key_descriptor(der()), service("https://idp.example/r", REDIRECT), service())),
        entity(role().replace("</ds:X509Certificate>", "\n  </ds:X509Certificate>")),
    ],
    ids=range(12),
)
def test_the_three_values_are_found_in_whatever_else_the_file_holds(text: str) -> None:
    found, faults = parse(text.encode(), now=NOW, warn_days=30)
    assert faults == ()
    assert found is not None
    assert (found.entity_id, found.redirect_url) == ("https://idp.example/id", "https://idp.example/sso")
    assert found.certificate.pem == pem()


def test_other_encodings_that_the_file_declares_are_read() -> None:
    text = f'<?xml version="1.0" encoding="UTF-16"?>{entity()}'
    assert told(text.encode("utf-16")) == (True, [])
    latin = f'<?xml version="1.0" encoding="ISO-8859-1"?>{entity(entity_id="https://é.example")}'
    found, _ = parse(latin.encode("latin-1"), now=NOW, warn_days=30)
    assert found is not None
    assert found.entity_id == "https://é.example"


FAULTS = {
    "empty": ("", "not-xml"),
    "no end": ("<a>\n", "not-xml"),
    "unknown encoding": ('<?xml version="1.0" encoding="klingon"?><a/>', "not-xml"),
    "multi-byte encoding": ('<?xml version="1.0" encoding="shift_jis"?><a/>', "not-xml"),
    "HTML": ("<html><body/></html>", "not-saml"),
    "other namespace": ('<EntityDescriptor entityID="x"/>', "not-saml"),
    "DTD": (f"<!DOCTYPE a>{entity()}", "dtd"),
    "external entity": (f'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>{entity(entity_id="&x;")}', "dtd"),
    "undeclared entity": (entity(entity_id="&x;"), "not-xml"),
    "service provider": (entity("<SPSSODescriptor/>"), "no-idp"),
    "SAML 1.1": (entity(role(protocol=SAML1)), "no-idp"),
    "list in a list": (
        f"<EntitiesDescriptor {MD}><EntitiesDescriptor>{entity()}</EntitiesDescriptor></EntitiesDescriptor>",
        "no-idp",
    ),
    "hidden among the extensions": (entity(f"<Extensions>{entity()}</Extensions>"), "no-idp"),
    "entity in an entity": (entity(entity()), "no-idp"),
    "two": (f"<EntitiesDescriptor {MD}>{entity()}{entity()}</EntitiesDescriptor>", "several-idps"),
    "no entity id": (entity(entity_id=""), "entity-id"),
    "blank entity id": (entity(entity_id="a b"), "entity-id"),
    "long entity id": (entity(entity_id="x" * 2049), "entity-id"),
    "no service": (entity(role(key_descriptor(der()))), "no-http-post"),
    "two services": (
        entity(role(key_descriptor(der()), service(), service("https://other.example"))),
        "several-http-post",
    ),
    "script": (entity(role(key_descriptor(der()), service("javascript:alert(1)"))), "redirect-url"),
    "plain http": (entity(role(key_descriptor(der()), service("http://idp.example/sso"))), "redirect-url"),
    "no address": (entity(role(key_descriptor(der()), service(""))), "redirect-url"),
    "no certificate": (entity(role(key_descriptor(der(), "encryption"), service())), "no-certificate"),
    "two certificates": (
        entity(role(key_descriptor(der()), key_descriptor(der("x.example")), service())),
        "several-certificates",
    ),
    "no base64": (entity(role().replace("MII", "M!I")), "certificate"),
    "too deep": ("<a>" * 65 + "</a>" * 65, "too-deep"),
    "too large": (entity() + " " * metadata.MAX_BYTES, "too-large"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_is_not_one_identity_provider_is_an_error(case: str) -> None:
    text, rule = FAULTS[case]
    assert told(text) == (False, [rule])
    _, faults = parse(text.encode(), now=NOW, warn_days=30)
    assert all(fault.severity is Severity.ERROR and fault.hint for fault in faults)


def test_the_certificate_is_judged_like_any_other() -> None:
    expired = entity(role(key_descriptor(der(days=-1)), service()))
    assert told(expired) == (True, ["certificate/expired"])
    rubbish = entity(role(key_descriptor(b"rubbish"), service()))
    assert told(rubbish) == (False, ["certificate/unreadable"])


def test_a_private_key_in_it_is_not_repeated() -> None:
    body = "".join(private_key().splitlines()[1:-1])
    for text in (private_key(), entity(entity_id=private_key()), entity(role().replace("MII", private_key()))):
        _, faults = parse(text.encode(), now=NOW, warn_days=30)
        assert faults
        said = " ".join(fault.message + fault.hint for fault in faults)
        assert not any(body[start : start + 12] in said for start in range(0, len(body) - 12, 4))


FULL = entity(
    "<SPSSODescriptor/>", role(key_descriptor(der()), service("https://idp.example/r", REDIRECT), service())
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = f'<?xml version="1.0" encoding="UTF-8"?>{FULL}'.encode()
    pieces = [
        b"",
        b"<",
        b">",
        b"&",
        b"&lt;",
        b"&#0;",
        b"&#55296;",
        b'"',
        b"\xff",
        b"\0",
        b"]]>",
        b"<!DOCTYPE a>",
        b"<![CDATA[",
        b"<a>",
    ]
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        cut = draw(st.integers(0, 40))
        data = data[:at] + draw(st.sampled_from(pieces)) + data[at + cut :]
    return data


@settings(max_examples=300)
@given(damaged() | st.binary(max_size=60))
def test_no_bytes_are_too_odd(data: bytes) -> None:
    found, faults = parse(data, now=NOW, warn_days=30)
    assert (found is None) == any(fault.severity is Severity.ERROR for fault in faults)
    assert all(len(fault.message) < 300 and fault.hint for fault in faults)
    if found is not None:
        assert found.redirect_url.startswith(("https://", "http://"))
        assert found.entity_id.isprintable()
