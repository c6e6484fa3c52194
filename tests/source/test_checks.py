"""Every check that needs no network, end to end: a folder goes in, and each problem comes out at its place.

Their words are in tests/golden/messages.txt.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.load import load_partly
from reconciler.model.settings import DomainRules
from tests.support import corruption as mutate
from tests.support.build import dir_id, org_id
from tests.support.certificates import NOW, der, entity, key_descriptor, pem, role, service
from tests.support.folders import ENVIRONMENT, load, organization, sound, write
from tests.support.wrong_folders import PEMS, XMLS

Placed = list[tuple[str, str]]


def broken(folder: Path, *, allow_empty: bool = False) -> Placed:
    """Rule and place of each problem."""
    return [(each.rule, str(each.origin)) for each in load(folder, allow_empty=allow_empty).problems]


def warned(folder: Path) -> list[str]:
    """The rules of those that refuse nothing."""
    return [each.rule for each in load(folder).problems if each.severity == "warning"]


def good(folder: Path) -> list[str]:
    """The organizations that may be used."""
    desired = load(folder).desired
    assert desired is not None
    return [each.name for each in desired.organizations]


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
    assert good(tmp_path) == ["acme", "globex", "one", "sound", "two", "x"]
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


@pytest.mark.parametrize("value", ["no", "Yes", "0123", "1:20", "2026-11-24", "1e3", "1_000"])
def test_a_scalar_that_yaml_1_1_rewrites_is_refused_with_its_quoted_form(tmp_path: Path, value: str) -> None:
    sound(tmp_path, {"acme.yaml": organization(spec=f"\n  displayName: {value}")})
    (problem,) = load(tmp_path).problems
    assert (problem.rule, str(problem.origin)) == ("yaml/ambiguous-scalar", "acme.yaml:5:16")
    assert f'write "{value}"' in problem.hint


@pytest.mark.parametrize("value", ["4711", "0x1F", "1.50", "true"])
def test_what_is_no_text_where_text_is_expected_is_refused_with_its_own_spelling_quoted(
    tmp_path: Path, value: str
) -> None:
    sound(tmp_path, {"acme.yaml": organization(spec=f"\n  externalId: {value}")})
    (problem,) = load(tmp_path).problems
    assert (problem.rule, str(problem.origin)) == ("schema/type", "acme.yaml:5:3")
    assert problem.hint == f'write "{value}"'


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
    assert broken(tmp_path) == [
        ("yaml/syntax", "all.yaml:11:1"),
        ("domain/capitals", "all.yaml:16:13"),
        ("yaml/syntax", "all.yaml:19:1"),
        ("schema/unknown-key", "all.yaml:24:3"),
    ]
    desired = load(tmp_path).desired
    assert desired is not None
    assert good(tmp_path) == ["sound"]
    assert [(each.name, each.message.partition(": ")[0]) for each in desired.invalid] == [
        ("one", "all.yaml:11:1"),
        ("three", "all.yaml:16:13"),
        ("five", "all.yaml:24:3"),
    ]
    assert not desired.complete


# -- across files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"acme.yaml": organization()}, [("environment/missing", ".:1:1")]),
        (
            {"environment.yaml": ENVIRONMENT + "x: [1", "acme.yaml": organization()},
            [("yaml/syntax", "environment.yaml:4:6")],
        ),
        (
            {"a/environment.yaml": ENVIRONMENT + "x: [", "acme.yaml": organization()},
            [("environment/missing", ".:1:1"), ("yaml/syntax", "a/environment.yaml:4:5")],
        ),
        (
            {"e.yaml": ENVIRONMENT + "spec: {id: env_1}\n", "acme.yaml": organization()},
            [("schema/form", "e.yaml:4:8")],
        ),
        (
            {"a.yaml": ENVIRONMENT, "b.yaml": f"# two\n{ENVIRONMENT}", "acme.yaml": organization()},
            [("environment/two", "a.yaml:1:1"), ("environment/two", "b.yaml:2:1")],
        ),
        (
            {"a/b.yaml": ENVIRONMENT, "acme.yaml": organization()},
            [("environment/not-at-root", "a/b.yaml:1:1")],
        ),
        ({"environment.yaml": ENVIRONMENT}, [("organization/none", ".:1:1")]),
    ],
    ids=["none", "not parsed", "not parsed, below the root", "broken", "two", "below the root", "alone"],
)
def test_a_folder_whose_environment_cannot_be_used_is_refused_whole(
    tmp_path: Path, files: dict[str, str], found: Placed
) -> None:
    """One that may be in a file at the root that cannot be parsed is not reported a second time as missing."""
    write(tmp_path, files)
    assert broken(tmp_path) == found
    assert load(tmp_path).desired is None


def test_a_folder_without_organizations_may_be_meant(tmp_path: Path) -> None:
    write(tmp_path, {"environment.yaml": ENVIRONMENT})
    assert broken(tmp_path, allow_empty=True) == []


CLASHES = {
    "name/duplicate": ("acme", "{externalId: a}", "acme", "{externalId: b}", "3:12"),
    "external-id/duplicate": ("acme", "{externalId: x}", "globex", "{externalId: x}", "4:8"),
    "id/duplicate": ("acme", f"{{id: {org_id(1)}}}", "globex", f"{{id: {org_id(1)}}}", "4:8"),
    "domain/shared": ("acme", "{domains: [a.example]}", "globex", "{domains: [a.example]}", "4:18"),
}


@pytest.mark.parametrize("rule", CLASHES)
def test_two_manifests_that_clash_are_both_told_where_the_other_stands(tmp_path: Path, rule: str) -> None:
    one, spec, other, other_spec, place = CLASHES[rule]
    sound(tmp_path, {"a.yaml": organization(one, spec), "b/b.yaml": organization(other, other_spec)})
    places = [f"a.yaml:{place}", f"b/b.yaml:{place}"]
    assert broken(tmp_path) == [(rule, each) for each in places]
    assert [places[1 - at] in each.message for at, each in enumerate(load(tmp_path).problems)] == [True, True]
    desired = load(tmp_path).desired
    assert desired is not None
    assert (good(tmp_path), len(desired.invalid), desired.complete) == (["sound"], 2, True)


def test_environment_and_process_may_allow_shared_and_public_domains(tmp_path: Path) -> None:
    allowed = ENVIRONMENT + "spec: {domains: {forbidShared: false, forbidPublicMail: false}}\n"
    files = {"environment.yaml": allowed} | {
        f"{name}.yaml": organization(name, "{domains: [gmail.com]}") for name in ("acme", "globex")
    }
    loose = DomainRules(forbid_shared=False, forbid_public_mail=False)
    assert load_partly(str(sound(tmp_path, files)), now=NOW, allow_empty=False, rules=loose).problems == ()


DOMAINS = {
    "ACME.example": ("capitals", "acme.example"),
    '" acme.example"': ("blank", "acme.example"),
    "https://acme.example/x": ("scheme", "acme.example"),
    '"@acme.example"': ("at", "acme.example"),
    "acme.example.": ("trailing-dot", "acme.example"),
    "bücher.example": ("a-label", "xn--bcher-kva.example"),
    '"*.acme.example"': ("form", "acme.example"),
    '"acme.example:443"': ("form", "acme.example"),
}


@pytest.mark.parametrize("written", DOMAINS)
def test_a_domain_that_no_sign_in_matches_is_shown_as_it_should_be(tmp_path: Path, written: str) -> None:
    rule, repaired = DOMAINS[written]
    sound(tmp_path, {"acme.yaml": organization(spec=f"\n  domains:\n    - sound.example\n    - {written}")})
    assert broken(tmp_path) == [(f"domain/{rule}", "acme.yaml:7:7")]
    assert f"`{repaired}`" in load(tmp_path).problems[0].hint


CONTRADICTIONS: dict[str, tuple[str, Placed]] = {
    "public domains": (
        "\n  domains: [gmail.com, co.uk]",
        [("domain/public-mail", "5:13"), ("domain/public-suffix", "5:24")],
    ),
    "two primaries": (
        (
            "\n  samlConnections:\n    - {name: a, primary: true, idp: {entityId: a}}\n"
            "    - {name: b, primary: true}\n"
        ),
        [("primary/two", "7:17")],
    ),
    "no primary": (
        f"\n  scimDirectories:\n    - {{name: a}}\n    - {{name: b, id: {dir_id(1)}}}\n",
        [("primary/none", "5:3")],
    ),
    "children that nothing tells apart": (
        (
            "\n  samlConnections:\n    - {name: a, primary: true}\n    - {name: b}\n"
            "    - {name: c, idp: {entityId: null}}"
            "\n  scimDirectories:\n    - {name: a, primary: true}\n    - {name: b}\n"
        ),
        [
            ("connection/unidentified", "7:7"),
            ("connection/unidentified", "8:7"),
            ("directory/unpinned", "11:7"),
        ],
    ),
    "a link beside what it would let the customer change": (
        (
            "\n  samlConnections: [{name: a, idp: {entityId: a}}]"
            "\n  scimDirectories: [{name: a, bearerToken: issue}]"
            "\n  setupLink: {saml: true, scim: true}\n"
        ),
        [("setup-link/idp", "7:15"), ("setup-link/token", "7:27")],
    ),
    "a link to nothing": ("{setupLink: {saml: false}}", [("setup-link/nothing", "4:8")]),
    "no key": ("\n  externalId: null", [("external-id/null", "5:3")]),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_what_contradicts_itself_is_told_where_it_stands(tmp_path: Path, case: str) -> None:
    spec, found = CONTRADICTIONS[case]
    sound(tmp_path, {"acme.yaml": organization(spec=spec)})
    assert broken(tmp_path) == [(rule, f"acme.yaml:{place}") for rule, place in found]
    assert warned(tmp_path) == (["primary/none"] if case == "no primary" else [])


# -- certificates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", PEMS)
def test_a_certificate_is_judged_in_a_manifest_and_in_a_file_of_its_own(tmp_path: Path, rule: str) -> None:
    text = PEMS[rule][0]
    files = {"inline.yaml": with_pem(text), "file.yaml": with_file("certificate", "x.pem"), "x.pem": text}
    files["file.yaml"] = files["file.yaml"].replace("acme", "globex")
    sound(tmp_path, files)
    assert broken(tmp_path) == [(rule, "file.yaml:7:27"), (rule, "inline.yaml:11:11")]
    assert load(tmp_path).problems[0].message.startswith("x.pem: ")
    assert good(tmp_path) == (["acme", "globex", "sound"] if warned(tmp_path) else ["sound"])


def test_text_and_carriage_returns_around_a_certificate_are_dropped_as_the_server_does(tmp_path: Path) -> None:
    around = f"subject: CN=x\r\n{pem()}\r\nissuer: CN=x\r\n".replace("\n", "\r\n")
    sound(tmp_path, {"acme.yaml": with_file("certificate", "x.pem"), "x.pem": around})
    loaded = load(tmp_path)
    assert loaded.problems == ()
    assert loaded.desired is not None
    (child,) = loaded.desired.organizations[0].collections["SAMLConnection"]
    assert child.owned["idpCertificate"].pem == pem()


# -- metadata --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", XMLS)
def test_metadata_is_judged_where_the_manifest_names_it(tmp_path: Path, rule: str) -> None:
    sound(tmp_path, {"a/acme.yaml": with_file("metadata", "../x.xml"), "x.xml": XMLS[rule][0]})
    assert broken(tmp_path) == [(rule, "a/acme.yaml:7:24")]
    assert (good(tmp_path), warned(tmp_path)) == (["sound"], [])


def test_the_certificate_in_metadata_is_judged_too(tmp_path: Path) -> None:
    old = entity(role(key_descriptor(der(days=-1)), service()))
    sound(tmp_path, {"acme.yaml": with_file("metadata", "x.xml"), "x.xml": old})
    assert broken(tmp_path) == [("certificate/expired", "acme.yaml:7:24")]
    assert warned(tmp_path) == ["certificate/expired"]


# -- references ------------------------------------------------------------------------------------


def test_a_reference_is_relative_to_its_manifest_and_stays_inside_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside.pem").write_text(pem())
    folder = sound(
        tmp_path / "in", {"certs/a.pem": pem(), "a/b/acme.yaml": with_file("certificate", "../../certs/a.pem")}
    )
    assert broken(folder) == []
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
    assert broken(folder) == [
        ("reference/outside", "a/b/acme.yaml:7:27"),
        ("reference/outside", "c.yaml:7:27"),
        ("reference/missing", "d.yaml:7:27"),
        ("reference/not-regular", "e.yaml:7:27"),
        ("reference/outside", "f.yaml:7:27"),
    ]


def test_a_pem_text_in_place_of_a_file_name(tmp_path: Path) -> None:
    line = pem().replace("\n", "")
    sound(tmp_path, {"acme.yaml": with_file("certificate", f'"{line[:1000]}"')})
    assert broken(tmp_path) == [("reference/pem", "acme.yaml:7:27")]


def test_a_document_that_breaks_its_schema_hides_none_of_its_other_faults(tmp_path: Path) -> None:
    spec = (
        "\n  dispalyName: Acme\n  domains: [5, ACME.example]\n  samlConnections:\n    - name: okta\n"
        "      primry: true\n      idp:\n        certificate: {file: x.pem}\n"
        "    - idp: {metadata: {file: x.xml}, entityId: a}\n"
    )
    sound(tmp_path, {"acme.yaml": organization(spec=spec), "x.pem": pem(days=-1), "x.xml": "<a/>"})
    assert broken(tmp_path) == [
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
    assert broken(tmp_path) == []
    later = load_partly(str(tmp_path), now=NOW + 71 * 86400, allow_empty=False)
    assert [problem.rule for problem in later.problems] == ["certificate/expires-soon"]
