"""Every check that needs no network, end to end: a folder goes in, and each problem comes out at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.load import load_partly
from tests.core.certificates import NOW, der, entity, key_descriptor, pem, pem_of, private_key, role, service
from tests.source import mutate
from tests.source.build import ENVIRONMENT, load, organization, placed, sound, write

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


def problems(folder: Path, *, allow_empty: bool = False) -> list[tuple[str, str, str]]:
    """Rule, severity and place of each."""
    return placed(load(folder, allow_empty=allow_empty).problems)


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


# -- one organization ------------------------------------------------------------------------------

# a spec, whose first line is the fifth of the file → the problems in it
SPECS: dict[str, list[tuple[str, str, str]]] = {
    "displayName: 0123": [("yaml/ambiguous-scalar", ERROR, "5:16")],
    "externalId: 4711": [("schema/type", ERROR, "5:3")],
    "externalId: null": [("external-id/null", ERROR, "5:3")],
    "domains:\n    - sound.example\n    - ACME.example": [("domain/capitals", ERROR, "7:7")],
    'domains: [" acme.example"]': [("domain/blank", ERROR, "5:13")],
    "domains: [https://acme.example/x]": [("domain/scheme", ERROR, "5:13")],
    'domains: ["@acme.example"]': [("domain/at", ERROR, "5:13")],
    "domains: [acme.example.]": [("domain/trailing-dot", ERROR, "5:13")],
    "domains: [bücher.example]": [("domain/a-label", ERROR, "5:13")],
    'domains: ["acme.example:443"]': [("domain/form", ERROR, "5:13")],
    "domains: [gmail.com, co.uk]": [
        ("domain/public-mail", ERROR, "5:13"),
        ("domain/public-suffix", ERROR, "5:24"),
    ],
    "samlConnections:\n    - {name: a, primary: true, idp: {entityId: a}}\n    - {name: b, primary: true}": [
        ("primary/two", ERROR, "7:17")
    ],
    f"scimDirectories:\n    - {{name: a}}\n    - {{name: b, id: scim_directory_{'1' * 25}}}": [
        ("primary/none", WARNING, "5:3")
    ],
    "samlConnections:\n    - {name: a, primary: true}\n    - {name: b}\n    - {name: c, idp: {entityId: null}}": [
        ("connection/unidentified", ERROR, "7:7"),
        ("connection/unidentified", ERROR, "8:7"),
    ],
    "scimDirectories:\n    - {name: a, primary: true}\n    - {name: b}": [("directory/unpinned", ERROR, "7:7")],
    "samlConnections: [{name: a, idp: {entityId: a}}]\n  setupLink: {saml: true}": [
        ("setup-link/idp", ERROR, "6:15")
    ],
    "scimDirectories: [{name: a, bearerToken: issue}]\n  setupLink: {scim: true}": [
        ("setup-link/token", ERROR, "6:15")
    ],
    "setupLink: {saml: false}": [("setup-link/nothing", ERROR, "5:3")],
}


@pytest.mark.parametrize("spec", SPECS)
def test_what_is_wrong_inside_one_organization_is_told_at_its_place(tmp_path: Path, spec: str) -> None:
    sound(tmp_path, {"acme.yaml": organization(spec=f"\n  {spec}")})
    assert problems(tmp_path) == [(rule, severity, f"acme.yaml:{place}") for rule, severity, place in SPECS[spec]]


def test_a_document_that_breaks_its_schema_hides_none_of_its_other_faults(tmp_path: Path) -> None:
    spec = (
        "\n  dispalyName: Acme\n  domains: [5, ACME.example]\n  samlConnections:\n    - name: okta\n"
        "      primry: true\n      idp:\n        certificate: {file: x.pem}\n"
        "    - idp: {metadata: {file: x.xml}, entityId: a}\n"
    )
    sound(tmp_path, {"acme.yaml": organization(spec=spec), "x.pem": pem(days=-1), "x.xml": "<a/>"})
    assert problems(tmp_path) == [
        ("schema/unknown-key", ERROR, "acme.yaml:5:3"),
        ("schema/type", ERROR, "acme.yaml:6:13"),
        ("domain/capitals", ERROR, "acme.yaml:6:16"),
        ("primary/none", WARNING, "acme.yaml:7:3"),
        ("schema/unknown-key", ERROR, "acme.yaml:9:7"),
        ("certificate/expired", WARNING, "acme.yaml:11:23"),
        ("schema/combination", ERROR, "acme.yaml:12:7"),
        ("schema/missing-key", ERROR, "acme.yaml:12:7"),
        ("metadata/not-saml", ERROR, "acme.yaml:12:24"),
    ]


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
    assert problems(tmp_path) == [
        ("yaml/syntax", ERROR, "all.yaml:11:1"),
        ("domain/capitals", ERROR, "all.yaml:16:13"),
        ("yaml/syntax", ERROR, "all.yaml:19:1"),
        ("schema/unknown-key", ERROR, "all.yaml:24:3"),
    ]
    desired = load(tmp_path).desired
    assert desired is not None
    assert [each.name for each in desired.organizations] == ["sound"]
    assert [(each.name, each.message.split(": ")[0]) for each in desired.invalid] == [
        ("one", "all.yaml:11:1"),
        ("three", "all.yaml:16:13"),
        ("five", "all.yaml:24:3"),
    ]
    assert not desired.complete


# -- the folder ------------------------------------------------------------------------------------

# the files → the problems of the folder, none of which leaves anything to be applied
FOLDERS: dict[str, tuple[dict[str, str], list[tuple[str, str, str]]]] = {
    "no Environment": ({"acme.yaml": organization()}, [("environment/missing", ERROR, ".:1:1")]),
    "an Environment that cannot be parsed is not missed as well": (
        {"e.yaml": f"{ENVIRONMENT}x: [1", "acme.yaml": organization()},
        [("yaml/syntax", ERROR, "e.yaml:4:6")],
    ),
    "a broken file below the root does not explain that there is none": (
        {"a/e.yaml": f"{ENVIRONMENT}x: [", "acme.yaml": organization()},
        [("environment/missing", ERROR, ".:1:1"), ("yaml/syntax", ERROR, "a/e.yaml:4:5")],
    ),
    "an Environment that breaks its schema": (
        {"e.yaml": ENVIRONMENT + "spec: {id: env_1}\n", "acme.yaml": organization()},
        [("schema/form", ERROR, "e.yaml:4:8")],
    ),
    "two Environments": (
        {"a.yaml": ENVIRONMENT, "b.yaml": f"# two\n{ENVIRONMENT}", "acme.yaml": organization()},
        [("environment/two", ERROR, "a.yaml:1:1"), ("environment/two", ERROR, "b.yaml:2:1")],
    ),
    "an Environment below the root": (
        {"a/b.yaml": ENVIRONMENT, "acme.yaml": organization()},
        [("environment/not-at-root", ERROR, "a/b.yaml:1:1")],
    ),
    "no organization": ({"e.yaml": ENVIRONMENT}, [("organization/none", ERROR, ".:1:1")]),
}


@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_wrong_with_a_folder_stops_it(tmp_path: Path, name: str) -> None:
    files, expected = FOLDERS[name]
    assert problems(write(tmp_path, files)) == expected
    assert load(tmp_path).desired is None


def test_a_folder_without_organizations_may_be_meant(tmp_path: Path) -> None:
    write(tmp_path, {"environment.yaml": ENVIRONMENT})
    assert problems(tmp_path, allow_empty=True) == []


# -- two manifests ---------------------------------------------------------------------------------

CLASHES = {
    "name/duplicate": ("acme", "{externalId: a}", "acme", "{externalId: b}", "3:12"),
    "external-id/duplicate": ("acme", "{externalId: x}", "globex", "{externalId: x}", "4:8"),
    "id/duplicate": ("acme", f"{{id: {ID}}}", "globex", f"{{id: {ID}}}", "4:8"),
    "domain/shared": ("acme", "{domains: [acme.example]}", "globex", "{domains: [acme.example]}", "4:18"),
}


@pytest.mark.parametrize("rule", CLASHES)
def test_two_manifests_that_clash_are_both_told_where_the_other_stands(tmp_path: Path, rule: str) -> None:
    name, spec, other, others_spec, place = CLASHES[rule]
    sound(tmp_path, {"a.yaml": organization(name, spec), "b/b.yaml": organization(other, others_spec)})
    assert problems(tmp_path) == [(rule, ERROR, f"a.yaml:{place}"), (rule, ERROR, f"b/b.yaml:{place}")]
    loaded = load(tmp_path)
    assert [f"b/b.yaml:{place}" in loaded.problems[0].message, f"a.yaml:{place}" in loaded.problems[1].message]
    assert loaded.desired is not None
    assert [each.name for each in loaded.desired.organizations] == ["sound"]
    assert len(loaded.desired.invalid) == 2
    assert loaded.desired.complete


def test_the_environment_may_allow_shared_and_public_domains(tmp_path: Path) -> None:
    allowed = ENVIRONMENT + "spec: {domains: {forbidShared: false, forbidPublicMail: false}}\n"
    files = {"environment.yaml": allowed} | {
        f"{name}.yaml": organization(name, "{domains: [gmail.com]}") for name in ("acme", "globex")
    }
    assert problems(sound(tmp_path, files)) == []


# -- certificates ----------------------------------------------------------------------------------

CERTIFICATES = {
    "several": (pem() + pem("other.example"), ERROR),
    "no-pem": ("nothing", ERROR),
    "unreadable": (pem_of(b"no certificate"), ERROR),
    "private-key": (private_key(), ERROR),
    "expired": (pem(days=-1), WARNING),
    "expires-soon": (pem(days=12), WARNING),
    "weak-key": (pem(kind="rsa1024"), WARNING),
}


@pytest.mark.parametrize("rule", CERTIFICATES)
def test_a_certificate_is_judged_in_a_manifest_and_in_a_file_of_its_own(tmp_path: Path, rule: str) -> None:
    text, severity = CERTIFICATES[rule]
    file = with_file("certificate", "x.pem").replace("acme", "globex")
    sound(tmp_path, {"inline.yaml": with_pem(text), "file.yaml": file, "x.pem": text})
    assert problems(tmp_path) == [
        (f"certificate/{rule}", severity, "file.yaml:7:27"),
        (f"certificate/{rule}", severity, "inline.yaml:11:11"),
    ]
    loaded = load(tmp_path)
    assert [each.message.startswith("x.pem: ") for each in loaded.problems] == [True, False]
    assert loaded.desired is not None
    assert len(loaded.desired.organizations) == (1 if severity == ERROR else 3)


def test_text_and_carriage_returns_around_a_certificate_are_dropped_as_the_server_does(tmp_path: Path) -> None:
    around = f"subject: CN=x\r\n{pem()}\r\nissuer: CN=x\r\n".replace("\n", "\r\n")
    sound(tmp_path, {"acme.yaml": with_file("certificate", "x.pem"), "x.pem": around})
    loaded = load(tmp_path)
    assert loaded.problems == ()
    assert loaded.desired is not None
    (child,) = loaded.desired.organizations[0].collections["SAMLConnection"]
    assert child.owned["idpCertificate"].pem == pem()


# -- metadata --------------------------------------------------------------------------------------

METADATA = {
    "dtd": f"<!DOCTYPE x>{entity()}",
    "not-xml": "<a>\n <b></a>",
    "not-saml": "<a/>",
    "several-idps": entity(role(), role()),
    "no-idp": entity("<SPSSODescriptor/>"),
    "no-http-post": entity(role(service(binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"))),
    "several-certificates": entity(role(key_descriptor(der()), key_descriptor(der("other.example")), service())),
}


@pytest.mark.parametrize("rule", METADATA)
def test_metadata_is_judged_where_the_manifest_names_it(tmp_path: Path, rule: str) -> None:
    sound(tmp_path, {"a/acme.yaml": with_file("metadata", "../x.xml"), "x.xml": METADATA[rule]})
    assert problems(tmp_path) == [(f"metadata/{rule}", ERROR, "a/acme.yaml:7:24")]
    assert load(tmp_path).problems[0].message.startswith("x.xml: ")


def test_the_certificate_in_metadata_is_judged_too(tmp_path: Path) -> None:
    old = entity(role(key_descriptor(der(days=-1)), service()))
    sound(tmp_path, {"acme.yaml": with_file("metadata", "x.xml"), "x.xml": old})
    assert problems(tmp_path) == [("certificate/expired", WARNING, "acme.yaml:7:24")]


# -- references ------------------------------------------------------------------------------------


def test_a_reference_is_relative_to_its_manifest_and_stays_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside.pem").write_text(pem())
    folder = sound(
        tmp_path / "in", {"certs/a.pem": pem(), "a/b/acme.yaml": with_file("certificate", "../../certs/a.pem")}
    )
    assert problems(folder) == []
    (folder / "linked.pem").symlink_to(tmp_path / "outside.pem")
    references = {"b": "/etc/passwd", "c": "certs/b.pem", "d": "certs", "e": "linked.pem"}
    write(folder, {"a/b/acme.yaml": with_file("certificate", "../../../outside.pem")})
    for name, file in references.items():
        write(folder, {f"{name}.yaml": with_file("certificate", file).replace("acme", name)})
    assert problems(folder) == [
        ("reference/outside", ERROR, "a/b/acme.yaml:7:27"),
        ("reference/outside", ERROR, "b.yaml:7:27"),
        ("reference/missing", ERROR, "c.yaml:7:27"),
        ("reference/not-regular", ERROR, "d.yaml:7:27"),
        ("reference/outside", ERROR, "e.yaml:7:27"),
    ]


def test_a_pem_text_in_place_of_a_file_name(tmp_path: Path) -> None:
    line = pem().replace("\n", "")
    sound(tmp_path, {"acme.yaml": with_file("certificate", f'"{line[:1000]}"')})
    assert problems(tmp_path) == [("reference/pem", ERROR, "acme.yaml:7:27")]


def test_a_moment_is_passed_in(tmp_path: Path) -> None:
    """The same folder is sound today and warned about when the certificate's end is near."""
    sound(tmp_path, {"acme.yaml": with_pem(pem(days=100))})
    assert problems(tmp_path) == []
    later = load_partly(str(tmp_path), now=NOW + 71 * 86400, allow_empty=False)
    assert [problem.rule for problem in later.problems] == ["certificate/expires-soon"]
