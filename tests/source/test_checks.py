"""Every check that needs no network, end to end: a folder goes in, and each problem comes out whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.load import load_partly
from tests.support import corruption as mutate
from tests.support.certificates import NOW, der, entity, key_descriptor, pem, pem_of, private_key, role, service
from tests.support.folders import ENVIRONMENT, Found, load, organization, problems, sound, write

ERROR, WARNING = "error", "warning"
ID = "org_" + "1" * 25


def indented(text: str, columns: int) -> str:
    return "".join(f"{' ' * columns}{line}\n" for line in text.splitlines())


def with_pem(text: str) -> str:
    """A manifest with one connection, whose certificate stands in it: `pem` is at 11:11."""
    return (
        organization(spec="\n  samlConnections:\n    - name: okta\n      idp:\n        entityId: urn:a\n")
        + "        certificate:\n          pem: |\n"
        + indented(text, 12)
    )


def with_file(key: str, file: str) -> str:
    """A manifest with one connection, whose certificate or metadata is in a file; `file` is at 7:24 or later."""
    return organization(spec=f"\n  samlConnections:\n    - name: okta\n      idp: {{{key}: {{file: {file}}}}}")


def test_a_sound_folder_has_no_problems_and_is_read_whole(tmp_path: Path) -> None:
    sound(
        tmp_path,
        {
            "a/acme.yaml": with_pem(pem("acme.example")),
            "a/b/globex.yml": organization("globex", "{domains: [globex.example]}"),
            "two.yaml": organization("one") + "---\n" + organization("two"),
            "idp/x.yaml": with_file("metadata", "entra.xml").replace("acme", "x"),
            "idp/entra.xml": entity(),
        },
    )
    loaded = load(tmp_path)
    assert loaded.problems == ()
    assert loaded.desired is not None
    assert [each.name for each in loaded.desired.organizations] == ["acme", "globex", "one", "sound", "two", "x"]
    assert (loaded.files, loaded.manifests, loaded.desired.complete) == (6, 7, True)


@pytest.mark.parametrize("name", ["development", "production"])
def test_the_example_manifests_have_no_problems(name: str) -> None:
    loaded = load(mutate.EXAMPLES / name)
    assert loaded.problems == ()
    assert loaded.desired is not None
    assert loaded.desired.environment.name == name
    for path in (mutate.EXAMPLES / name).glob("*.yaml"):
        schema = path.read_text().splitlines()[0].partition("$schema=")[2]
        assert (path.parent / schema).is_file()


# -- YAML ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("no", 'write "no" for text, false otherwise'),
        ("Yes", 'write "Yes" for text, true otherwise'),
        ("0123", 'write "0123" for text, an ordinary decimal number otherwise'),
        ("1:20", 'write "1:20" for text, an ordinary decimal number otherwise'),
        ("2026-11-24", 'write "2026-11-24" for text, an ordinary decimal number otherwise'),
        ("1e3", 'write "1e3" for text, an ordinary decimal number otherwise'),
        ("1_000", 'write "1_000" for text, an ordinary decimal number otherwise'),
    ],
)
def test_a_scalar_that_yaml_1_1_rewrites_is_refused_with_its_quoted_form(
    tmp_path: Path, value: str, hint: str
) -> None:
    sound(tmp_path, {"acme.yaml": organization(spec=f"\n  displayName: {value}")})
    message = f"readers of YAML disagree about what `{value}` without quotes is"
    assert problems(tmp_path) == [Found("yaml/ambiguous-scalar", ERROR, "acme.yaml:5:16", message, hint)]


@pytest.mark.parametrize(
    ("value", "said", "hint"),
    [
        ("4711", "the number `4711`", 'write "4711"'),
        ("0x1F", "the number `0x1F`", 'write "0x1F"'),
        ("1.50", "the number `1.50`", 'write "1.50"'),
        ("true", "`true`", 'write "true"'),
        ("[a]", "a list", "write a single text"),
        ("{a: b}", "a mapping", "write a single text"),
    ],
)
def test_what_is_no_text_where_text_is_expected_is_refused_with_its_own_spelling_quoted(
    tmp_path: Path, value: str, said: str, hint: str
) -> None:
    sound(tmp_path, {"acme.yaml": organization(spec=f"\n  externalId: {value}")})
    message = f"`externalId` must be text or null, not {said}"
    assert problems(tmp_path) == [Found("schema/type", ERROR, "acme.yaml:5:3", message, hint)]


def test_a_broken_document_hides_none_of_the_others_in_its_file(tmp_path: Path) -> None:
    text = "---\n".join(
        [
            organization("one"),
            organization("two", "\n  domains: [a"),
            organization("three", "\n  domains: [ACME.example]"),
            'x: "open\n',
            organization("five", "\n  nickname: x"),
        ]
    )
    sound(tmp_path, {"all.yaml": text})
    keys = "externalId, id, ownership, suspend, distinctFrom, displayName, domains, samlConnections, "
    assert problems(tmp_path) == [
        Found("yaml/syntax", ERROR, "all.yaml:11:1", "a list in brackets is not closed", "add `,` or `]`"),
        Found(
            "domain/capitals",
            ERROR,
            "all.yaml:16:13",
            "`ACME.example` has capitals, so no sign-in would match it",
            "write `acme.example`",
        ),
        Found("yaml/syntax", ERROR, "all.yaml:19:1", "a quoted text is not closed", "add the closing quote"),
        Found(
            "schema/unknown-key",
            ERROR,
            "all.yaml:24:3",
            "`nickname` is not known",
            f"known here: {keys}scimDirectories, setupLink",
        ),
    ]
    desired = load(tmp_path).desired
    assert desired is not None
    assert [each.name for each in desired.organizations] == ["sound"]
    assert [(each.name, each.message) for each in desired.invalid] == [
        ("one", "all.yaml:11:1: a list in brackets is not closed"),
        ("three", ("all.yaml:16:13: `ACME.example` has capitals, so no sign-in would match it (and 1 more; see "
         "`reconciler validate`)")),
        ("five", "all.yaml:24:3: `nickname` is not known"),
    ]  # fmt: skip
    assert not desired.complete


# -- across files ----------------------------------------------------------------------------------


def test_no_environment(tmp_path: Path) -> None:
    write(tmp_path, {"acme.yaml": organization()})
    hint = (
        "add a file at its root with `apiVersion: reconciler/v1`, `kind: Environment` and `metadata: {name: …}`, "
        "or name the folder that has one"
    )
    message = "there is no Environment in this folder"
    assert problems(tmp_path) == [Found("environment/missing", ERROR, ".:1:1", message, hint)]
    assert load(tmp_path).desired is None


def test_an_environment_in_a_file_that_cannot_be_parsed_is_not_reported_a_second_time(tmp_path: Path) -> None:
    write(tmp_path, {"environment.yaml": ENVIRONMENT + "x: [1", "acme.yaml": organization()})
    message, hint = "a list in brackets is not closed", "add `,` or `]`"
    assert problems(tmp_path) == [Found("yaml/syntax", ERROR, "environment.yaml:4:6", message, hint)]
    assert load(tmp_path).desired is None


def test_a_broken_file_below_the_root_cannot_explain_that_there_is_no_environment(tmp_path: Path) -> None:
    write(tmp_path, {"a/environment.yaml": ENVIRONMENT + "x: [", "acme.yaml": organization()})
    assert [(each.rule, each.place) for each in problems(tmp_path)] == [
        ("environment/missing", ".:1:1"),
        ("yaml/syntax", "a/environment.yaml:4:5"),
    ]


def test_an_environment_that_breaks_its_schema_stops_the_folder(tmp_path: Path) -> None:
    write(tmp_path, {"e.yaml": ENVIRONMENT + "spec: {id: env_1}\n", "acme.yaml": organization()})
    assert [each[:3] for each in problems(tmp_path)] == [("schema/form", ERROR, "e.yaml:4:8")]
    assert load(tmp_path).desired is None


def test_two_environments_are_told_of_each_other(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": ENVIRONMENT, "b.yaml": f"# two\n{ENVIRONMENT}", "acme.yaml": organization()})
    hint = "keep one; each environment has a folder of its own"
    assert problems(tmp_path) == [
        Found(
            "environment/two",
            ERROR,
            "a.yaml:1:1",
            "another Environment stands at b.yaml:2:1, and a folder holds one environment",
            hint,
        ),
        Found(
            "environment/two",
            ERROR,
            "b.yaml:2:1",
            "another Environment stands at a.yaml:1:1, and a folder holds one environment",
            hint,
        ),
    ]


def test_an_environment_below_the_root(tmp_path: Path) -> None:
    write(tmp_path, {"a/b.yaml": ENVIRONMENT, "acme.yaml": organization()})
    message = "the Environment is not at the folder's root"
    hint = "move its file to the root, or name the folder that it is in"
    assert problems(tmp_path) == [Found("environment/not-at-root", ERROR, "a/b.yaml:1:1", message, hint)]


def test_a_folder_without_organizations_is_refused_unless_it_is_meant(tmp_path: Path) -> None:
    write(tmp_path, {"environment.yaml": ENVIRONMENT})
    message = "there is no organization in this folder"
    hint = "name the folder that has them; if none is meant, say --allow-empty"
    assert problems(tmp_path) == [Found("organization/none", ERROR, ".:1:1", message, hint)]
    assert load(tmp_path).desired is None
    assert problems(tmp_path, allow_empty=True) == []


CLASHES = {
    "name/duplicate": (
        organization("acme", "{externalId: a}"),
        organization("acme", "{externalId: b}"),
        "3:12",
        "the name `acme`",
        "names are handles: give each its own",
    ),
    "external-id/duplicate": (
        organization("acme", "{externalId: x}"),
        organization("globex", "{externalId: x}"),
        "4:8",
        "the external id `x`",
        "only one organization may have it: change it in all others",
    ),
    "id/duplicate": (
        organization("acme", f"{{id: {ID}}}"),
        organization("globex", f"{{id: {ID}}}"),
        "4:8",
        f"`{ID}`",
        "one live object is declared once: correct the `id` that was copied",
    ),
    "domain/shared": (
        organization("acme", "{domains: [acme.example]}"),
        organization("globex", "{domains: [acme.example]}"),
        "4:18",
        "the domain `acme.example`",
        (
            "people of a domain sign in to one organization: take it out of all others, or set "
            "`domains: {forbidShared: false}` in the Environment"
        ),
    ),
}


@pytest.mark.parametrize("rule", CLASHES)
def test_two_manifests_that_clash_are_both_told_where_the_other_stands(tmp_path: Path, rule: str) -> None:
    one, other, place, what, hint = CLASHES[rule]
    sound(tmp_path, {"a.yaml": one, "b/b.yaml": other})
    assert problems(tmp_path) == [
        Found(rule, ERROR, f"a.yaml:{place}", f"{what} stands at b/b.yaml:{place} too", hint),
        Found(rule, ERROR, f"b/b.yaml:{place}", f"{what} stands at a.yaml:{place} too", hint),
    ]
    desired = load(tmp_path).desired
    assert desired is not None
    assert [each.name for each in desired.organizations] == ["sound"]
    assert len(desired.invalid) == 2
    assert desired.complete


def test_the_environment_may_allow_shared_and_public_domains(tmp_path: Path) -> None:
    allowed = ENVIRONMENT + "spec: {domains: {forbidShared: false, forbidPublicMail: false}}\n"
    files = {"environment.yaml": allowed} | {
        f"{name}.yaml": organization(name, "{domains: [gmail.com]}") for name in ("acme", "globex")
    }
    assert problems(sound(tmp_path, files)) == []


DOMAINS = {
    "ACME.example": ("capitals", "`ACME.example` has capitals, so no sign-in would match it", "`acme.example`"),
    '" acme.example"': ("blank", "` acme.example` has a blank", "`acme.example`"),
    "https://acme.example/x": (
        "scheme",
        "`https://acme.example/x` is an address; a domain has no scheme and no path",
        "`acme.example`",
    ),
    '"@acme.example"': (
        "at",
        "`@acme.example` has an @; a domain is only what stands behind it",
        "`acme.example`",
    ),
    "acme.example.": (
        "trailing-dot",
        "`acme.example.` ends with a dot, so no sign-in would match it",
        "`acme.example`",
    ),
    "bücher.example": (
        "a-label",
        "`bücher.example` is not written in ASCII, so no sign-in would match it",
        "`xn--bcher-kva.example`",
    ),
    '"*.acme.example"': ("form", "`*.acme.example` is not a domain", "`acme.example`"),
    '"acme.example:443"': ("form", "`acme.example:443` is not a domain", "`acme.example`"),
}


@pytest.mark.parametrize("written", DOMAINS)
def test_a_domain_that_no_sign_in_matches_is_shown_as_it_should_be(tmp_path: Path, written: str) -> None:
    rule, message, repaired = DOMAINS[written]
    sound(tmp_path, {"acme.yaml": organization(spec=f"\n  domains:\n    - sound.example\n    - {written}")})
    assert problems(tmp_path) == [Found(f"domain/{rule}", ERROR, "acme.yaml:7:7", message, f"write {repaired}")]


def test_public_mail_and_public_suffixes_are_nobodys_domain(tmp_path: Path) -> None:
    sound(tmp_path, {"acme.yaml": organization(spec="\n  domains: [gmail.com, co.uk]")})
    assert problems(tmp_path) == [
        Found(
            "domain/public-mail",
            ERROR,
            "acme.yaml:5:13",
            "`gmail.com` is a public mail domain: everybody can have an address there",
            "take it out, or the whole public could sign in to this organization; where that is meant, set "
            "`domains: {forbidPublicMail: false}` in the Environment",
        ),
        Found(
            "domain/public-suffix",
            ERROR,
            "acme.yaml:5:24",
            "`co.uk` is a public suffix: others register their domains under it",
            "write the organization's own domain, such as `acme.com`",
        ),
    ]


def test_two_primaries_are_an_error_and_none_among_several_a_warning(tmp_path: Path) -> None:
    two = "\n  samlConnections:\n    - {name: a, primary: true, idp: {entityId: a}}\n"
    two += "    - {name: b, primary: true}\n"
    none = f"\n  scimDirectories:\n    - {{name: a}}\n    - {{name: b, id: scim_directory_{'1' * 25}}}\n"
    sound(tmp_path, {"two.yaml": organization("two", two), "none.yaml": organization("none", none)})
    assert problems(tmp_path) == [
        Found(
            "primary/none",
            WARNING,
            "none.yaml:5:3",
            "none of these is stated to be the primary one",
            "add `primary: true` to the one that people shall sign in through; without it, the live state stays",
        ),
        Found(
            "primary/two",
            ERROR,
            "two.yaml:7:17",
            "`a` is to be the primary one already",
            "state `primary: true` once; the server takes it from the others",
        ),
    ]


def test_children_that_nothing_tells_apart(tmp_path: Path) -> None:
    spec = (
        "\n  samlConnections:\n    - {name: a, primary: true}\n    - {name: b}\n"
        "    - {name: c, idp: {entityId: null}}"
        "\n  scimDirectories:\n    - {name: a, primary: true}\n    - {name: b}\n"
    )
    hint = "create the first, add its `id:` line (a plan prints it), then add the next"
    blank = "more than one connection has neither an `id` nor any value in `idp`, so nothing tells them apart"
    assert problems(sound(tmp_path, {"acme.yaml": organization(spec=spec)})) == [
        Found("connection/unidentified", ERROR, "acme.yaml:7:7", blank, hint),
        Found("connection/unidentified", ERROR, "acme.yaml:8:7", blank, hint),
        Found(
            "directory/unpinned",
            ERROR,
            "acme.yaml:11:7",
            "more than one of these has no `id`, so nothing tells them apart",
            hint,
        ),
    ]


def test_a_setup_link_beside_what_it_would_let_the_customer_change(tmp_path: Path) -> None:
    spec = (
        "\n  samlConnections: [{name: a, idp: {entityId: a}}]\n  scimDirectories: [{name: a, bearerToken: issue}]"
        "\n  setupLink: {saml: true, scim: true}\n"
    )
    nothing = organization("none", "{setupLink: {saml: false}}")
    assert problems(sound(tmp_path, {"acme.yaml": organization(spec=spec), "none.yaml": nothing})) == [
        Found(
            "setup-link/idp",
            ERROR,
            "acme.yaml:7:15",
            "a setup link lets the customer change what `idp` states here, and git would change it back",
            "remove `setupLink.saml`, or `idp` from the connections",
        ),
        Found(
            "setup-link/token",
            ERROR,
            "acme.yaml:7:27",
            "a setup link lets the customer make a bearer token, and `bearerToken: issue` makes one too",
            "remove `setupLink.scim`, or `bearerToken` from the directories",
        ),
        Found(
            "setup-link/nothing",
            ERROR,
            "none.yaml:4:8",
            "the customer could set up nothing with this link",
            "state `saml: true`, `scim: true` or both",
        ),
    ]


def test_an_organization_needs_a_key(tmp_path: Path) -> None:
    sound(tmp_path, {"acme.yaml": organization(spec="\n  externalId: null")})
    assert problems(tmp_path) == [
        Found(
            "external-id/null",
            ERROR,
            "acme.yaml:5:3",
            "without an external id nothing says which live organization is meant",
            "add `id: org_…` with the live one's id, or state an `externalId`",
        )
    ]


# -- certificates ----------------------------------------------------------------------------------

PASTE = (
    "paste the identity provider's signing certificate as it gives it, from `-----BEGIN CERTIFICATE-----` to "
    "`-----END CERTIFICATE-----`"
)
RENEW = "get the new certificate from the identity provider's administrator"
STRONGER = "ask the identity provider's administrator for one with RSA 2048 or P-256, signed with SHA-256"
CERTIFICATES = {
    "several": (
        pem() + pem("other.example"),
        ERROR,
        "2 PEM blocks where one certificate is expected; the server would silently keep the first",
        "leave the identity provider's signing certificate alone, without the chain that it may come with",
    ),
    "no-pem": (
        "nothing",
        ERROR,
        "there is no PEM block: no line `-----BEGIN CERTIFICATE-----`",
        f"{PASTE}; a DER file becomes one with `openssl x509 -inform der -in FILE -out FILE.pem`",
    ),
    "unreadable": (pem_of(b"no certificate"), ERROR, "this is not an X.509 certificate", PASTE),
    "private-key": (
        private_key(),
        ERROR,
        "this holds a private key",
        (
            "only the certificate belongs here. Take the key out of the repository and its history, and have the "
            "identity provider's administrator make a new one: it must be taken for known to others"
        ),
    ),
    "expired": (pem(days=-1), WARNING, "the certificate expired on 2026-11-23", RENEW),
    "expires-soon": (pem(days=12), WARNING, "the certificate expires on 2026-12-06 (days left: 12)", RENEW),
    "weak-key": (
        pem(kind="rsa1024"),
        WARNING,
        "the certificate's key is RSA with 1024 bits; less than 2048 can be broken",
        STRONGER,
    ),
}


@pytest.mark.parametrize("rule", CERTIFICATES)
def test_a_certificate_is_judged_in_a_manifest_and_in_a_file_of_its_own(tmp_path: Path, rule: str) -> None:
    text, severity, message, hint = CERTIFICATES[rule]
    files = {"inline.yaml": with_pem(text), "file.yaml": with_file("certificate", "x.pem"), "x.pem": text}
    files["file.yaml"] = files["file.yaml"].replace("acme", "globex")
    sound(tmp_path, files)
    assert problems(tmp_path) == [
        Found(f"certificate/{rule}", severity, "file.yaml:7:27", f"x.pem: {message}", hint),
        Found(f"certificate/{rule}", severity, "inline.yaml:11:11", message, hint),
    ]
    desired = load(tmp_path).desired
    assert desired is not None
    assert len(desired.organizations) == (1 if severity == ERROR else 3)


def test_text_and_carriage_returns_around_a_certificate_are_dropped_as_the_server_does(tmp_path: Path) -> None:
    around = f"subject: CN=x\r\n{pem()}\r\nissuer: CN=x\r\n".replace("\n", "\r\n")
    sound(tmp_path, {"acme.yaml": with_file("certificate", "x.pem"), "x.pem": around})
    loaded = load(tmp_path)
    assert loaded.problems == ()
    assert loaded.desired is not None
    (child,) = loaded.desired.organizations[0].collections["SAMLConnection"]
    assert child.owned["idpCertificate"].pem == pem()


# -- metadata --------------------------------------------------------------------------------------

AGAIN = "download the metadata of this application from the identity provider once more"
BY_HAND = "state `entityId`, `redirectUrl` and `certificate` instead of `metadata`"
METADATA = {
    "dtd": (
        f"<!DOCTYPE x>{entity()}",
        "there is a document type declaration, which metadata does not need and attacks are made of",
        "remove `<!DOCTYPE …>` and everything that belongs to it",
    ),
    "not-xml": ("<a>\n <b></a>", "this is not well-formed XML (line 2, column 7)", AGAIN),
    "not-saml": ("<a/>", "this is XML, but not SAML 2.0 metadata: no EntityDescriptor", AGAIN),
    "several-idps": (
        entity(role(), role()),
        "there are 2 identity providers in it, and one connection has one",
        "leave the EntityDescriptor of the one that is meant",
    ),
    "no-idp": (
        entity("<SPSSODescriptor/>"),
        "there is no identity provider in it (no IDPSSODescriptor for SAML 2.0)",
        "this may be a service provider's metadata: ask for the identity provider's",
    ),
    "no-http-post": (
        entity(role(service(binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"))),
        "no SingleSignOnService has the HTTP-POST binding (there are: HTTP-Redirect)",
        "have HTTP-POST switched on at the identity provider, and take its metadata again",
    ),
    "several-certificates": (
        entity(role(key_descriptor(der()), key_descriptor(der("other.example")), service())),
        "the identity provider has 2 different signing certificates in it",
        f"{BY_HAND}, with the certificate that signs now",
    ),
}


@pytest.mark.parametrize("rule", METADATA)
def test_metadata_is_judged_where_the_manifest_names_it(tmp_path: Path, rule: str) -> None:
    text, message, hint = METADATA[rule]
    sound(tmp_path, {"a/acme.yaml": with_file("metadata", "../x.xml"), "x.xml": text})
    assert problems(tmp_path) == [Found(f"metadata/{rule}", ERROR, "a/acme.yaml:7:24", f"x.xml: {message}", hint)]


def test_the_certificate_in_metadata_is_judged_too(tmp_path: Path) -> None:
    old = entity(role(key_descriptor(der(days=-1)), service()))
    sound(tmp_path, {"acme.yaml": with_file("metadata", "x.xml"), "x.xml": old})
    message = "x.xml: the certificate expired on 2026-11-23"
    assert problems(tmp_path) == [Found("certificate/expired", WARNING, "acme.yaml:7:24", message, RENEW)]


# -- references ------------------------------------------------------------------------------------


def test_a_reference_is_relative_to_its_manifest_and_stays_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside.pem").write_text(pem())
    folder = sound(
        tmp_path / "in", {"certs/a.pem": pem(), "a/b/acme.yaml": with_file("certificate", "../../certs/a.pem")}
    )
    assert problems(folder) == []
    write(
        folder,
        {
            "a/b/acme.yaml": with_file("certificate", "../../../outside.pem"),
            "c.yaml": with_file("certificate", "/etc/passwd").replace("acme", "c"),
            "d.yaml": with_file("certificate", "certs/b.pem").replace("acme", "d"),
            "e.yaml": with_file("certificate", "certs").replace("acme", "e"),
        },
    )
    (folder / "linked.pem").symlink_to(tmp_path / "outside.pem")
    write(folder, {"f.yaml": with_file("certificate", "linked.pem").replace("acme", "f")})
    regular = "only regular files inside the environment's folder are read"
    relative = "write the file's path relative to the folder of this manifest"
    outside = "lies outside of the environment's folder"
    assert problems(folder) == [
        Found("reference/outside", ERROR, "a/b/acme.yaml:7:27", f"`../outside.pem` {outside}", regular),
        Found("reference/outside", ERROR, "c.yaml:7:27", f"`/etc/passwd` {outside}", regular),
        Found("reference/missing", ERROR, "d.yaml:7:27", "`certs/b.pem` does not exist", relative),
        Found("reference/not-regular", ERROR, "e.yaml:7:27", "`certs` is not a regular file", regular),
        Found(
            "reference/outside",
            ERROR,
            "f.yaml:7:27",
            "`linked.pem` is a link out of the environment's folder",
            regular,
        ),
    ]


def test_a_pem_text_in_place_of_a_file_name(tmp_path: Path) -> None:
    line = pem().replace("\n", "")
    sound(tmp_path, {"acme.yaml": with_file("certificate", f'"{line[:1000]}"')})
    message, hint = "a PEM text stands where a file's name should", "write it under `pem` instead"
    assert problems(tmp_path) == [Found("reference/pem", ERROR, "acme.yaml:7:27", message, hint)]


def test_a_document_that_breaks_its_schema_hides_none_of_its_other_faults(tmp_path: Path) -> None:
    spec = (
        "\n  dispalyName: Acme\n  domains: [5, ACME.example]\n  samlConnections:\n    - name: okta\n"
        "      primry: true\n      idp:\n        certificate: {file: x.pem}\n"
        "    - idp: {metadata: {file: x.xml}, entityId: a}\n"
    )
    sound(tmp_path, {"acme.yaml": organization(spec=spec), "x.pem": pem(days=-1), "x.xml": "<a/>"})
    assert [(each.rule, each.place) for each in problems(tmp_path)] == [
        ("schema/unknown-key", "acme.yaml:5:3"),
        ("schema/type", "acme.yaml:6:13"),
        ("domain/capitals", "acme.yaml:6:16"),
        ("primary/none", "acme.yaml:7:3"),
        ("schema/unknown-key", "acme.yaml:9:7"),
        ("certificate/expired", "acme.yaml:11:23"),
        ("schema/combination", "acme.yaml:12:7"),
        ("schema/missing-key", "acme.yaml:12:7"),
        ("metadata/not-saml", "acme.yaml:12:24"),
    ]


def test_a_moment_is_passed_in(tmp_path: Path) -> None:
    """The same folder is sound today and warned about when the certificate's end is near."""
    sound(tmp_path, {"acme.yaml": with_pem(pem(days=100))})
    assert problems(tmp_path) == []
    later = load_partly(str(tmp_path), now=NOW + 71 * 86400, allow_empty=False)
    assert [problem.rule for problem in later.problems] == ["certificate/expires-soon"]
