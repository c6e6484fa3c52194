"""What a SAML 2.0 identity provider's metadata says: its entity id, its sign-in address, its certificate.

The names are those of the OASIS standards "Metadata for SAML V2.0" and "XML Signature". The file comes from a
stranger, so it is read without document types or entities, and only up to a size and a depth.
"""

from __future__ import annotations

import base64
from typing import Any
from xml.etree.ElementTree import Element, TreeBuilder  # the values alone; the parser is defusedxml's

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, XMLParser
from msgspec import Struct

from reconciler.core.values import address, certificate
from reconciler.core.values.problems import Fault
from reconciler.model.state import Certificate

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
_MAX_URL = 2048

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_ENTITY = f"{_MD}EntityDescriptor"
_DS = "{http://www.w3.org/2000/09/xmldsig#}"
_SAML2 = "urn:oasis:names:tc:SAML:2.0:protocol"
_BINDINGS = "urn:oasis:names:tc:SAML:2.0:bindings:"
_HTTP_POST = f"{_BINDINGS}HTTP-POST"

_AGAIN = "download the metadata of this application from the identity provider once more"
_BY_HAND = "state `entityId`, `redirectUrl` and `certificate` instead of `metadata`"


class IdentityProvider(Struct, frozen=True):
    """The three values of a connection that belong to the identity provider."""

    entity_id: str
    redirect_url: str
    certificate: Certificate


def parse(data: bytes, *, now: float, warn_days: int) -> tuple[IdentityProvider | None, tuple[Fault, ...]]:
    """The one identity provider in a metadata file, and what is wrong; None if any of that is an error.

    `now` and `warn_days` are for the certificate's end. Never raises, whatever the bytes are.
    """
    try:
        entity, role = _identity_provider(_root(data))
        entity_id, url = _entity_id(entity), _redirect_url(role)
        signing, faults = certificate.parse_der(_signing_certificate(role), now=now, warn_days=warn_days)
    except _Unfit as unfit:
        return None, (unfit.fault,)
    return (IdentityProvider(entity_id, url, signing) if signing else None), faults


class _Unfit(Exception):
    """Ends the reading of a file."""

    def __init__(self, rule: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.fault = Fault(f"metadata/{rule}", message, hint)


# -- XML -------------------------------------------------------------------------------------------


class _Bounded(TreeBuilder):
    """Builds the tree, but only so deep: XML may be nested far deeper than a tree can be walked."""

    depth = 0

    def start(self, tag: Any, attributes: dict[Any, Any], /) -> Element:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise _Unfit("too-deep", f"elements are nested more than {MAX_DEPTH} deep", _AGAIN)
        return super().start(tag, attributes)

    def end(self, tag: Any, /) -> Element:
        self.depth -= 1
        return super().end(tag)


def _root(data: bytes) -> Element:
    if len(data) > MAX_BYTES:
        message = f"{len(data):,} bytes are more than the {MAX_BYTES:,} allowed for metadata"
        raise _Unfit(
            "too-large", message, "a whole federation's file is too much: take the one provider out of it"
        )
    parser = XMLParser(target=_Bounded(), forbid_dtd=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException:
        message = "there is a document type declaration, which metadata does not need and attacks are made of"
        raise _Unfit("dtd", message, "remove `<!DOCTYPE …>` and everything that belongs to it") from None
    except ParseError as error:
        line, column = error.position
        message = f"this is not well-formed XML (line {line}, column {column + 1})"
        raise _Unfit("not-xml", message, _AGAIN) from None
    except (ValueError, LookupError):
        message = "this is not XML in a known encoding"
        raise _Unfit("not-xml", message, "save it as UTF-8") from None
    return root


# -- SAML ------------------------------------------------------------------------------------------


def _identity_provider(root: Element) -> tuple[Element, Element]:
    """The entity and its one role as an identity provider.

    An entity counts as the root, or right below a root that is a list of them: nobody looks for one elsewhere.
    """
    if root.tag not in {_ENTITY, f"{_MD}EntitiesDescriptor"}:
        raise _Unfit("not-saml", "this is XML, but not SAML 2.0 metadata: no EntityDescriptor", _AGAIN)
    found = [
        (entity, role)
        for entity in ([root] if root.tag == _ENTITY else root.findall(_ENTITY))
        for role in entity.findall(f"{_MD}IDPSSODescriptor")
        if _SAML2 in role.get("protocolSupportEnumeration", _SAML2).split()
    ]
    if not found:
        hint = "this may be a service provider's metadata: ask for the identity provider's"
        raise _Unfit("no-idp", "there is no identity provider in it (no IDPSSODescriptor for SAML 2.0)", hint)
    if len(found) > 1:
        message = f"there are {len(found)} identity providers in it, and one connection has one"
        raise _Unfit("several-idps", message, "leave the EntityDescriptor of the one that is meant")
    return found[0]


def _entity_id(entity: Element) -> str:
    entity_id = entity.get("entityID", "")
    if not _is_plain(entity_id):
        raise _Unfit("entity-id", "the entityID is missing, too long or has blanks in it", _AGAIN)
    return entity_id


def _redirect_url(role: Element) -> str:
    services = role.findall(f"{_MD}SingleSignOnService")
    urls = {service.get("Location", "") for service in services if service.get("Binding") == _HTTP_POST}
    if not urls:
        offered = sorted({service.get("Binding", "").removeprefix(_BINDINGS)[:40] for service in services})
        message = f"no SingleSignOnService has the HTTP-POST binding (there are: {', '.join(offered) or 'none'})"
        hint = "have HTTP-POST switched on at the identity provider, and take its metadata again"
        raise _Unfit("no-http-post", message, hint)
    if len(urls) > 1:
        message = f"{len(urls)} different SingleSignOnServices have the HTTP-POST binding"
        raise _Unfit("several-http-post", message, _BY_HAND)
    url = urls.pop()
    fault = address.check(url)
    if fault:
        raise _Unfit("redirect-url", f"the Location of its SingleSignOnService: {fault.message}", fault.hint)
    return url


def _signing_certificate(role: Element) -> bytes:
    """The DER of the one certificate that signs; a key without a use is for signing too."""
    keys = [key for key in role.findall(f"{_MD}KeyDescriptor") if key.get("use", "signing") == "signing"]
    path = f"{_DS}KeyInfo/{_DS}X509Data/{_DS}X509Certificate"
    found = {_der(text.text or "") for key in keys for text in key.findall(path)}
    if not found:
        message = "the identity provider has no signing certificate in it"
        raise _Unfit("no-certificate", message, _BY_HAND)
    if len(found) > 1:
        message = f"the identity provider has {len(found)} different signing certificates in it"
        raise _Unfit("several-certificates", message, f"{_BY_HAND}, with the certificate that signs now")
    return found.pop()


def _der(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except ValueError:
        raise _Unfit("certificate", "the signing certificate is not base64", _AGAIN) from None


def _is_plain(text: str) -> bool:
    return 0 < len(text) <= _MAX_URL and text.isprintable() and " " not in text
