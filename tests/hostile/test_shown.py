"""What is shown is what is written: no value of a manifest or of the server looks like another one in a plan."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from msgspec import structs

from reconciler.model.change import FieldChange, Plan, Target, Unmanaged
from reconciler.model.kinds import KindName
from reconciler.render import json as machine
from reconciler.render import text
from tests.support.build import org_id
from tests.support.certificates import MD, der, entity, key_descriptor, private_key, role, service
from tests.support.folders import load, organization, sound
from tests.support.plans import ACME, OKTA, WHOLE

# -- secrets in a manifest -------------------------------------------------------------------------

SECRETS = {
    "an API key": "ssoready_sk_" + "0" * 24 + "z",
    "an API key in capitals": "SSOREADY_SK_" + "0" * 24 + "Z",
    "a bearer token": "ssoready_scim_bearer_token_" + "b" * 25,
    "a setup link": "https://admin.example/setup?one-time-token=ssoready_one_time_token_" + "c" * 25,
    "a header": "Bearer " + "d" * 40,
    "a private key": private_key(),
}
PLACES = {
    "metadata.labels": "metadata: {{name: x, labels: {{a: {0}}}}}\nspec: {{}}",
    "a label's name": "metadata: {{name: x, labels: {{{0}: a}}}}\nspec: {{}}",
    "metadata.annotations": "metadata: {{name: x, annotations: {{a: {0}}}}}\nspec: {{}}",
    "displayName": "metadata: {{name: x}}\nspec: {{displayName: {0}}}",
    "externalId": "metadata: {{name: x}}\nspec: {{externalId: {0}}}",
    "suspend": "metadata: {{name: x}}\nspec: {{suspend: {0}}}",
    "a domain": "metadata: {{name: x}}\nspec: {{domains: [{0}]}}",
    "an entity id": "metadata: {{name: x}}\nspec: {{samlConnections: [{{name: a, idp: {{entityId: {0}}}}}]}}",
    "a redirect URL": "metadata: {{name: x}}\nspec: {{samlConnections: [{{name: a, idp: {{redirectUrl: {0}}}}}]}}",
    "an unknown key": "metadata: {{name: x}}\nspec: {{{0}: 1}}",
    "an anchor": "metadata: {{name: x}}\nspec: {{displayName: &a {0}, suspend: *a}}",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("what", SECRETS)
def test_a_secret_in_a_manifest_is_an_error_and_never_repeated(what: str, place: str, tmp_path: Path) -> None:
    """It was shown as `***`, and written as it was."""
    secret = SECRETS[what]
    body = PLACES[place].format(json.dumps(secret))
    sound(tmp_path, {"x.yaml": f"apiVersion: reconciler/v1\nkind: Organization\n{body}\n"})
    loaded = load(tmp_path)
    found = [each for each in loaded.problems if each.rule == "secret/in-manifest"]
    assert found
    assert all(each.origin.file == "x.yaml" and each.origin.line in {3, 4} for each in found)
    pieces = [secret] if "\n" not in secret else secret.splitlines()[1:-1]
    said = text.validation(_validation(loaded.problems))
    assert not any(piece in said for piece in pieces)
    assert loaded.desired is not None
    assert "x" not in {each.name for each in loaded.desired.organizations}


def _validation(problems: tuple[object, ...]) -> machine.Validation:
    return machine.Validation(problems, 1, 1)  # type: ignore[arg-type]


# -- names that pretend to be something else -------------------------------------------------------

NAMES = {
    "an arrow": 'Acme" → "Evil',
    "an end of quotes": 'Acme"\n+ evil  org_1',
    "a typographic end of quotes": "Acme\u201d \u2192 \u201cEvil",
    "a backslash": 'Acme\\" → \\"Evil',
    "what an escape looks like": "Acme\\u202e",
    "a line": "Acme\nNo changes.",
    "a carriage return": "Acme\rNo changes.",
    "a line separator": "Acme\u2028No changes.",
    "a paragraph separator": "Acme\u2029No changes.",
    "a next line": "Acme\x85No changes.",
    "a vertical tab": "Acme\x0bNo changes.",
    "a colour": "\x1b[31mAcme\x1b[0m",
    "a C1 control": "\x9b31mAcme",
    "an erased screen": "Acme\x1b[2J\x1b[H",
    "a title": "\x1b]0;evil\x07Acme",
    "a link of a terminal": "\x1b]8;;https://evil.example\x1b\\Acme\x1b]8;;\x1b\\",
    "backspaces": "Evil\b\b\b\bAcme",
    "right to left": "Acme\u202egnp.exe",
    "an isolate": "\u2066Acme\u2069",
    "an Arabic mark": "Acme\u061c",
    "a zero width blank": "Ac\u200bme",
    "a joiner": "Ac\u200dme",
    "a word joiner": "Ac\u2060me",
    "a byte order mark": "\ufeffAcme",
    "a soft hyphen": "Ac\u00adme",
    "a filler": "Acme\u3164",
    "a Braille blank": "Acme\u2800",
    "a variation": "Acme\ufe0f",
    "a tag": "Acme\U000e0041",
    "a blank that does not break": "Acme\u00a0Corp",
    "half a surrogate": "Acme\ud800",
    "a NUL": "Acme\0",
    "255 characters": "A" * 255,
    "a megabyte": "A" * 1_000_000,
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_name_cannot_forge_a_plan(name: str) -> None:
    """Each rendering has the lines that it has with a harmless name, nothing invisible, and no more of them."""
    plain, hostile = text.plan(_plan("Acme")), text.plan(_plan(name))
    assert hostile.count("\n") == plain.count("\n")
    assert hostile.replace("\n", "").isprintable()
    assert len(hostile) < len(plain) + 3_000
    spelt = name.encode("unicode_escape").decode()
    assert (hostile == text.plan(_plan(spelt))) == (name == spelt)
    written = machine.dumps(machine.plan(_plan(name)))
    assert written.decode().replace("\n", "").isprintable()
    if "\ud800" not in name:
        assert json.loads(written)["changes"][0]["fields"][0]["after"] == name


def _plan(name: str) -> Plan:
    """The name as stated, live before, live above it, and unmanaged."""
    renamed = structs.replace(ACME, fields=(FieldChange("displayName", "displayName", name, name),))
    return structs.replace(
        WHOLE,
        changes=(renamed,),
        targets={"acme": Target(org_id(3), name, (name,), adopted=True)},
        unmanaged=(Unmanaged(KindName.ORGANIZATION, org_id(9), name, None),),
        suspended={},
        blocked=(),
    )


def test_two_long_values_that_differ_at_their_end_are_shown_apart() -> None:
    before, after = (f"https://idp.example/{'a' * 2000}{end}" for end in "12")
    change = structs.replace(OKTA, fields=(FieldChange("idpRedirectUrl", "idp.redirectUrl", before, after),))
    line = next(each for each in text.plan(structs.replace(WHOLE, changes=(change,))).splitlines() if "→" in each)
    one, other = line.split("  ")[-1].split(" → ")
    assert one != other
    assert "2,021 characters" in one
    assert len(line) < 800


def test_a_changed_certificate_is_shown_whole() -> None:
    shown = text.plan(structs.replace(WHOLE, changes=(OKTA,)))
    assert f"- sha256:{'ab12' * 16}\n" in shown
    assert f"+ sha256:{'77fe' * 16}\n" in shown


# -- addresses -------------------------------------------------------------------------------------

URLS = {
    "user info": "https://idp.example@evil.example/sso",
    "user info that looks like a path": "https://idp.example%2Fsso@evil.example/",
    "a password": "https://user:password@evil.example/",
    "plain http": "http://idp.example/sso",
    "a script": "javascript:alert(1)",
    "data": "data:text/html,<script>",
    "a file": "file:///etc/passwd",
    "no scheme": "//evil.example/sso",
    "a backslash": "https://evil.example\\@idp.example/",
    "a quote": "https://idp.example/\"onload='x'",
    "a blank": "https://idp.example/ evil",
    "a tab": "https://idp.example/\tevil",
    "letters that look alike": "https://\u0456dp.example/sso",
    "letters that look alike, as punycode": "https://xn--dp-npc.example/sso",
    "a full-width dot": "https://idp\uff0eexample/sso",
    "a division slash": "https://idp.example\u2215sso.evil.example/",
    "right to left": "https://idp.example/\u202eosse",
    "zero width": "https://idp\u200b.example/",
    "no host": "https:///sso",
    "no port": "https://idp.example:/sso",
    "a port too high": "https://idp.example:443443/",
    "a broken address of IPv6": "https://[::1/",
    "a host of 300 characters": f"https://{'a' * 300}.example/",
    "capitals in the scheme": "HTTPS://idp.example/sso",
}


@pytest.mark.parametrize("url", URLS.values(), ids=URLS.keys())
def test_an_address_that_misleads_is_refused(url: str, tmp_path: Path) -> None:
    spec = f"\n  samlConnections: [{{name: a, idp: {{redirectUrl: {json.dumps(url)}}}}}]"
    sound(tmp_path, {"x.yaml": organization("x", spec)})
    found = [each for each in load(tmp_path).problems if each.rule.startswith(("address/", "yaml/", "schema/"))]
    assert found
    assert {(each.origin.file, each.origin.line) for each in found} == {("x.yaml", 5)}
    assert text.validation(_validation(tuple(found))).replace("\n", "").isprintable()


@pytest.mark.parametrize("url", URLS.values(), ids=URLS.keys())
def test_the_same_in_metadata(url: str, tmp_path: Path) -> None:
    location = url.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace("\t", "&#9;")
    xml = entity(role(key_descriptor(der()), service(location)))
    spec = "\n  samlConnections: [{name: a, idp: {metadata: {file: x.xml}}}]"
    sound(tmp_path, {"x.yaml": organization("x", spec), "x.xml": xml})
    assert [(each.rule, each.origin.line) for each in load(tmp_path).problems] == [("metadata/redirect-url", 5)]


# -- metadata that says one thing to a person and another to a parser ------------------------------

OTHER = entity(role(key_descriptor(der("evil.example")), service("https://evil.example/sso")))
ONE, LIST = f'<EntityDescriptor {MD} entityID="a">', f"<EntitiesDescriptor {MD}>"
XMLS = {
    "among the extensions": f"{ONE}<Extensions>{OTHER}</Extensions></EntityDescriptor>",
    "a list in a list": f"{LIST}<EntitiesDescriptor>{OTHER}</EntitiesDescriptor></EntitiesDescriptor>",
    "below something else": f"{LIST}<x>{OTHER}</x></EntitiesDescriptor>",
    "below an entity": f"{ONE}{OTHER}</EntityDescriptor>",
    "another root": f"<x>{OTHER}</x>",
    "beside the right one": f"{LIST}{entity()}{OTHER}</EntitiesDescriptor>",
    "an entity": f'<!DOCTYPE x [<!ENTITY e "evil">]>{entity()}',
    "an external entity": f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{entity()}',
    "a parameter entity": f'<!DOCTYPE x [<!ENTITY % e SYSTEM "http://127.0.0.1:1/x">%e;]>{entity()}',
}


@pytest.mark.parametrize("xml", XMLS.values(), ids=XMLS.keys())
def test_an_identity_provider_counts_only_where_people_look(xml: str, tmp_path: Path) -> None:
    spec = "\n  samlConnections: [{name: a, idp: {metadata: {file: x.xml}}}]"
    sound(tmp_path, {"x.yaml": organization("x", spec), "x.xml": xml})
    found = load(tmp_path).problems
    assert [each.rule.partition("/")[0] for each in found] == ["metadata"]
    assert "evil" not in found[0].message
