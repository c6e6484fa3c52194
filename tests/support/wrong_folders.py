"""Folders with one thing wrong in each: for every rule one, and for every sentence that a rule has."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.support.build import conn_id, dir_id, org_id
from tests.support.certificates import (
    REDIRECT,
    der,
    entity,
    key_descriptor,
    pem,
    pem_of,
    private_key,
    role,
    service,
)
from tests.support.folders import ENVIRONMENT, organization

Make = Callable[[Path], object]  # puts at a path what is neither text nor bytes
Files = Mapping[str, str | bytes | Make]
CERTIFICATE = "samlConnections: [{name: okta, idp: {certificate: {file: %s}}}]"
URL = "samlConnections: [{name: okta, idp: {redirectUrl: "
METADATA = "samlConnections: [{name: okta, idp: {metadata: {file: x.xml}}}]"


def link(target: str) -> Make:
    return lambda path: path.symlink_to(target)


def large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(4 * 1024 * 1024 + 1)


def nameless(path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(path.parent) + b"/\xff.yaml"))).write_text(organization("x"))


# -- one spec: in acme.yaml, from line 5, column 3 on ----------------------------------------------

SPECS = {
    "schema/type": [
        "externalId: 4711",
        "externalId: true",
        "externalId: [a]",
        "suspend:",
        "domains: acme.example",
        "domains: [[a]]",
        'setupLink: {saml: "true"}',
        "setupLink: [a]",
    ],
    "schema/unknown-key": ["dispalyName: x", "zzz: x"],
    "schema/missing-key": ["samlConnections: [{}]"],
    "schema/value": ["ownership: Full", "ownership: 5", "scimDirectories: [{name: a, bearerToken: isue}]"],
    "schema/empty": ["displayName: ''", "suspend: ''", "setupLink: {}"],
    "schema/too-long": [f"displayName: {'x' * 256}"],
    "schema/too-many": [f"domains: [{', '.join(f'a{n}.example' for n in range(2001))}]"],
    "schema/duplicate": [f"distinctFrom: [{org_id(1)}, {org_id(1)}]"],
    "schema/form": [
        'displayName: "a\\nb"',
        "id: org_1",
        "distinctFrom: [x]",
        "samlConnections: [{name: A}]",
        "samlConnections: [{name: a, id: x}]",
        "scimDirectories: [{name: a, id: x}]",
    ],
    "schema/combination": [
        "samlConnections: [{name: a, idp: {certificate: {file: x, pem: y}}}]",
        "samlConnections: [{name: a, idp: {metadata: {file: x}, entityId: y}}]",
    ],
    "schema/too-many-problems": ["\n  ".join(f"k{n}: 1" for n in range(300))],
    "domain/capitals": ["domains: [ACME.example]"],
    "domain/blank": ["domains: [' acme.example']", "domains: [acme.example globex.example]"],
    "domain/scheme": ["domains: ['https://acme.example/x']"],
    "domain/at": ["domains: ['kim@acme.example']"],
    "domain/trailing-dot": ["domains: [acme.example.]"],
    "domain/a-label": ["domains: [bücher.example]", "domains: [xn--zz.example]"],
    "domain/single-label": ["domains: [acme]"],
    "domain/form": ["domains: ['*.acme.example']", "domains: [acme_labs.example]", f"domains: [{'a.' * 127}com]"],
    "domain/public-mail": ["domains: [gmail.com]"],
    "domain/public-suffix": ["domains: [co.uk]"],
    "domain/duplicate": ["domains: [acme.example, acme.example]"],
    "domain/too-many-problems": [f"domains: [{', '.join(f'a{n}' for n in range(101))}]"],
    "address/scheme": [f"{URL}http://idp.example/sso}}}}]"],
    "address/ascii": [f"{URL}'https://idp.example/a b'}}}}]", f"{URL}https://bücher.example/sso}}}}]"],
    "address/quote": [f"{URL}'https://idp.example/\"x'}}}}]"],
    "address/user-info": [f"{URL}https://idp.example@evil.example/}}}}]"],
    "address/mixed-script": [f"{URL}https://xn--pypal-4ve.example/}}}}]"],
    "address/form": [
        f"{URL}https:///sso}}}}]",
        f"{URL}'https://idp.example:99999/'}}}}]",
        f"{URL}https://xn--zz.example/}}}}]",
    ],
    "secret/in-manifest": [f"displayName: ssoready_sk_{'a' * 25}"],
    "external-id/null": ["externalId: null"],
    "primary/none": [f"scimDirectories: [{{name: a}}, {{name: b, id: {dir_id(1)}}}]"],
    "primary/two": [
        f"samlConnections: [{{name: a, primary: true}}, {{name: b, primary: true, id: {conn_id(1)}}}]",
        f"samlConnections: [{{primary: true}}, {{name: b, primary: true, id: {conn_id(1)}}}]",
    ],
    "connection/unidentified": ["samlConnections: [{name: a, primary: true}, {name: b}]"],
    "directory/unpinned": ["scimDirectories: [{name: a, primary: true}, {name: b}]"],
    "setup-link/nothing": ["setupLink: {saml: false}"],
    "setup-link/idp": ["samlConnections: [{name: a, idp: {entityId: a}}]\n  setupLink: {saml: true}"],
    "setup-link/token": ["scimDirectories: [{name: a, bearerToken: issue}]\n  setupLink: {scim: true}"],
}

# -- one text: the whole of x.yaml -----------------------------------------------------------------

TEXTS: dict[str, list[str | bytes]] = {
    "yaml/ambiguous-scalar": ["a: no", "a: 0123", f"a: 1{':1' * 30}", "=: a"],
    "yaml/duplicate-key": ["a: 1\na: 2"],
    "yaml/merge-key": ["<<: {b: 1}"],
    "yaml/key-not-text": ["1: a", "? [a]\n: b"],
    "yaml/recursive-alias": ["a: &x [*x]"],
    "yaml/unknown-alias": ["a: *y"],
    "yaml/tag": ["a: !!binary aGk="],
    "yaml/control-character": ['a: "\\x07"', "a: 1\nb: \0"],
    "yaml/tab": ["a:\n\tb: 1"],
    "yaml/encoding": [b"\xff\xfea\0:\0", b"a: 1\nb: \xe9"],
    "yaml/too-large": ["x" * 1_048_577],
    "yaml/too-deep": ["[" * 65 + "]" * 65, f"- &a {'[' * 63}{']' * 63}\n- [[*a]]"],
    "yaml/too-many-documents": ["--- {}\n" * 1_001],
    "yaml/too-many-aliases": ["[&a x" + ", *a" * 101 + "]"],
    "yaml/too-many-values": ["[" + "1," * 60_000 + "]", f"- &a [{'1,' * 1_000}]\n" + "- *a\n" * 60],
    "yaml/too-many-problems": ["".join(f"k{n}: no\n" for n in range(101))],
    "yaml/syntax": [
        "a: b: c",
        "a: [b",
        "a: {b: c",
        "a: [",
        "a:\n  b: 1\n c: 2",
        "- a\nb: 1",
        "a: - b",
        "a: 'b",
        'a: "b\n--- c',
        'a: "\\q"',
        'a: "\\ud83d\\ude00"',
        "a: @b",
        "a: 1\nb\n",
        "[a] b",
        "%YAML 3.0\n--- a",
        "a: !x!y b",
        "%YAML 1.1\n%YAML 1.1\n--- a",
    ],
    "schema/type": ["[a]"],
    "schema/kind": ["a: 1", "kind: 5", "kind: organization"],
    "schema/missing-key": ["kind: Organization\napiVersion: reconciler/v1"],
    "schema/value": [
        "kind: Organization\napiVersion: v2\nmetadata: {name: x}\nspec: {}",
        f"{ENVIRONMENT}spec: {{limits: {{maxChangedPercent: 101}}}}",
        f"{ENVIRONMENT}spec: {{limits: {{maxCreates: -1}}}}",
    ],
    "schema/type (a number)": [f"{ENVIRONMENT}spec: {{limits: {{maxCreates: 1.5, maxChangedPercent: x}}}}"],
    "schema/form": [f"{ENVIRONMENT}spec: {{id: env_1}}", organization("Acme")],
    "schema/too-long": [organization(f"x, labels: {{{'k' * 256}: a}}")],
    "schema/too-many": [organization(f"x, labels: {{{', '.join(f'k{n}: a' for n in range(65))}}}")],
}

# -- one certificate or metadata file, referred to by acme.yaml -------------------------------------

SHA256, SHA1, NO_HASH = (bytes.fromhex(f"2a864886f70d0101{last}") for last in ("0b", "05", "7f"))
EC_KEY, P256 = bytes.fromhex("2a8648ce3d0201"), bytes.fromhex("2a8648ce3d030107")
PEMS = {
    "certificate/several": [pem() + pem("other.example")],
    "certificate/no-pem": ["nothing", pem().replace("MII", "M!I")],
    "certificate/unreadable": [pem_of(b"no certificate")],
    "certificate/private-key": [private_key()],
    "certificate/expired": [pem(days=-1)],
    "certificate/expires-soon": [pem(days=12)],
    "certificate/weak-key": [
        pem(kind="rsa1024"),
        pem(kind="p224"),
        pem(kind="dsa"),
        pem_of(der().replace(EC_KEY, EC_KEY[:-1] + b"\x7f")),
    ],
    "certificate/weak-signature": [
        pem_of(der(kind="rsa2048").replace(SHA256, SHA1)),
        pem_of(der(kind="rsa2048").replace(SHA256, NO_HASH)),
    ],
    "certificate/unsupported-key": [pem(kind="p192"), pem_of(der().replace(P256, P256[:-1] + b"\x7f"))],
}
SIGNING, ENCRYPTING = key_descriptor(der()), key_descriptor(der(), "encryption")
XMLS = {
    "metadata/dtd": [f"<!DOCTYPE x>{entity()}"],
    "metadata/not-xml": ["<a>\n <b></a>", '<?xml version="1.0" encoding="klingon"?><a/>'],
    "metadata/not-saml": ["<a/>"],
    "metadata/no-idp": [entity("<SPSSODescriptor/>")],
    "metadata/several-idps": [entity(role(), role())],
    "metadata/entity-id": [entity(entity_id="a b")],
    "metadata/no-http-post": [entity(role(SIGNING)), entity(role(service(binding=REDIRECT)))],
    "metadata/several-http-post": [entity(role(SIGNING, service(), service("https://other.example")))],
    "metadata/redirect-url": [entity(role(SIGNING, service("javascript:alert(1)")))],
    "metadata/no-certificate": [entity(role(ENCRYPTING, service()))],
    "metadata/several-certificates": [entity(role(SIGNING, key_descriptor(der("x.example")), service()))],
    "metadata/certificate": [entity(role().replace("MII", "M!I"))],
    "metadata/too-deep": ["<a>" * 65 + "</a>" * 65],
    "metadata/too-large": [" " * 1_048_577],
}

# -- whole folders ---------------------------------------------------------------------------------

ACME = organization("acme", "{externalId: acme}")
SOUND = {"environment.yaml": ENVIRONMENT, "sound.yaml": organization("sound")}
FOLDERS: dict[str, list[Files]] = {
    "environment/missing": [{"acme.yaml": ACME}],
    "environment/no-effect": [
        {"environment.yaml": f"{ENVIRONMENT}spec: {{domains: {{forbidShared: false}}}}", "acme.yaml": ACME}
    ],
    "environment/not-at-root": [{"a/environment.yaml": ENVIRONMENT, "acme.yaml": ACME}],
    "environment/two": [{"a.yaml": ENVIRONMENT, "b.yaml": ENVIRONMENT, "acme.yaml": ACME}],
    "file/twice": [{**SOUND, "x.yaml": link("sound.yaml")}],
    "file/too-many-problems": [
        {**SOUND, **{f"{n}.yaml": "".join(f"k{k}: no\n" for k in range(90)) for n in range(12)}}
    ],
    "organization/none": [{"environment.yaml": ENVIRONMENT}],
    "name/duplicate": [
        {**SOUND, "a.yaml": ACME, "b.yaml": organization("acme", "{externalId: other}")},
        {**SOUND, "acme.yaml": organization(spec="{scimDirectories: [{name: a}, {name: a}]}")},
    ],
    "external-id/duplicate": [{**SOUND, "a.yaml": ACME, "b.yaml": organization("globex", "{externalId: acme}")}],
    "id/duplicate": [
        {**SOUND, **{f"{name}.yaml": organization(name, f"{{id: {org_id(1)}}}") for name in ("a", "b")}}
    ],
    "domain/shared": [
        {**SOUND, **{f"{name}.yaml": organization(name, "{domains: [x.example]}") for name in ("a", "b")}},
        {**SOUND, **{f"{name}.yaml": organization(name, "{domains: [x.example]}") for name in "abcdef"}},
    ],
    "file/name": [{**SOUND, "x": nameless}],
    "file/linked-folder": [{**SOUND, "linked": link("/etc")}],
    "file/missing": [{**SOUND, "x.yaml": link("nowhere")}],
    "file/outside": [{**SOUND, "x.yaml": link("/etc/passwd")}],
    "file/unreadable": [{**SOUND, "x.yaml": link("x.yaml")}],
    "file/not-regular": [{**SOUND, "x.yaml": os.mkfifo}, {**SOUND, "x.yaml": Path.mkdir}],
    "file/too-large": [{**SOUND, "x.yaml": large}],
}
REFERENCES: dict[str, list[tuple[str, Files]]] = {
    "reference/missing": [(CERTIFICATE % "none.pem", {})],
    "reference/outside": [
        (CERTIFICATE % "../x.pem", {}),
        (CERTIFICATE % "x.pem", {"x.pem": link("/etc/passwd")}),
    ],
    "reference/unreadable": [(CERTIFICATE % "x.pem", {"x.pem": link("x.pem")})],
    "reference/not-regular": [(CERTIFICATE % "x.pem", {"x.pem": Path.mkdir})],
    "reference/too-large": [(CERTIFICATE % "x.pem", {"x.pem": large})],
    "reference/pem": [(CERTIFICATE % f'"{pem()[:400]!r}"'.replace("'", ""), {})],
}


def examples() -> Iterator[tuple[str, Files]]:
    """Each rule, with a folder that breaks it."""
    for rule, specs in SPECS.items():
        yield from ((rule, {**SOUND, "acme.yaml": organization(spec=f"\n  {spec}")}) for spec in specs)
    for rule, texts in TEXTS.items():
        yield from ((rule.split()[0], {**SOUND, "x.yaml": text}) for text in texts)
    for rule, pems in PEMS.items():
        acme = organization(spec=f"\n  {CERTIFICATE % 'x.pem'}")
        yield from ((rule, {**SOUND, "acme.yaml": acme, "x.pem": text}) for text in pems)
    for rule, xmls in XMLS.items():
        acme = organization(spec=f"\n  {METADATA}")
        yield from ((rule, {**SOUND, "acme.yaml": acme, "x.xml": text}) for text in xmls)
    for rule, folders in FOLDERS.items():
        yield from ((rule, files) for files in folders)
    for rule, attached in REFERENCES.items():
        for spec, files in attached:
            yield rule, {**SOUND, "acme.yaml": organization(spec=f"\n  {spec}"), **files}


def write(folder: Path, files: Files) -> Path:
    """Makes the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder
