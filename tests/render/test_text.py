"""Plans, reports, problems and errors as people see them, written out."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from reconciler.core.planning.plan import plan as planned
from reconciler.model.change import BlockReason, Hint, HintReason, Pin, Unmanaged
from reconciler.model.customer import Customer, TokenRotation
from reconciler.model.errors import UsageError
from reconciler.model.kinds import KindName
from reconciler.model.manifest import Origin, Problem, Severity, Validation
from reconciler.model.outcome import Halt, Report
from reconciler.model.secret import Secret
from reconciler.model.state import Desired, Observed, Organization, SAMLConnection, SCIMDirectory
from reconciler.render import text
from reconciler.render.style import Style
from tests.support import strategies
from tests.support.build import ENVIRONMENT_ID, conn_id, dir_id, org_id
from tests.support.plans import EMPTY, NEW, REFUSED, REPORT, WHOLE

LOOK = Style(folder="manifests")
ABOVE = f"Environment production  {ENVIRONMENT_ID}  not pinned, see `reconciler pin`\n"


def test_a_whole_plan() -> None:
    assert (
        text.plan(WHOLE, LOOK)
        == f"""\
{ABOVE}live as "Acme" (acme.example, gone.example)
~ acme  org_0000000000000000000000003  manifests/acme.yaml:4  ! sign-in risk
    displayName  "Acme" → "Acme Corporation"
    domains      - gone.example
                 + acme.test
  ~ saml/okta  saml_conn_0000000000000000000000009  ! sign-in risk
      certificate  - sha256:ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12ab12
                     expires 2026-12-03
                   + sha256:77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe
                     expires 2029-01-10
      redirectUrl  "https://idp.example/" → -
      primary      false → true   (saml/adfs loses primary)   (saml_conn_0000000000000000000000007 loses primary)
+ globex  manifests/globex.yaml:1
    externalId   "4712"
    displayName  "Globex"
  + saml/entra
  * setup-link
adopts org_0000000000000000000000005 "Hooli" (-)
  hooli  org_0000000000000000000000005  manifests/hooli.yaml:8
  * token/okta  ! sign-in risk (widens)
x stark saml/okta  Ambiguous  manifests/stark.yaml:7
x stark saml/next  Ambiguous  manifests/stark.yaml:9
    Add `id: x`.
x wayne  PinNotFound  manifests/wayne.yaml:3
    Gone.
! shared.example  is a domain of several live organizations: {org_id(3)}, {org_id(77)}
! acme saml/okta  Duplicate: nothing tells {conn_id(9)} and {conn_id(10)} apart, and fewer are declared. The API \
cannot delete one. Add `id:` with the right one, and list the others in the organization's `distinctFrom`.
= soylent  suspended: moving, ask first
i initech  NoTarget: no delivery target is configured.
i umbrella/okta  Unpinned: add `id:`.
? org_0000000000000000000000077  "Initrode"  live, not in git; the API cannot delete it
? saml_conn_0000000000000000000000078  in acme, live, not in git; the API cannot delete it

Plan: 2 to create, 2 to update, 2 to issue, 40 unchanged, 2 unmanaged, 3 blocked, 1 duplicate, 1 suspended, \
3 at risk. \
 Digest 9f31c2d0.
"""
    )


def test_no_changes_is_one_line_above_hints() -> None:
    assert text.plan(EMPTY) == f"{ABOVE}No changes. 40 unchanged.\n"
    hinted = structs.replace(EMPTY, hints=WHOLE.hints[:1])
    assert text.plan(hinted) == f"{ABOVE}No changes. 40 unchanged.\ni umbrella/okta  Unpinned: add `id:`.\n"


def test_what_is_blocked_may_differ() -> None:
    shown = text.plan(structs.replace(EMPTY, blocked=WHOLE.blocked[:1])).splitlines()[1]
    assert shown == "Nothing to write. 40 unchanged, 1 blocked."


def test_what_could_not_be_looked_at_may_have_changes() -> None:
    for reason in (BlockReason.UNREADABLE, BlockReason.INVALID_MANIFEST, BlockReason.INCOMPLETE_SOURCE):
        block = structs.replace(WHOLE.blocked[0], reason=reason)
        shown = text.plan(structs.replace(EMPTY, blocked=(block,)))
        assert "No changes" not in shown
        assert "Nothing to write, as far as can be seen. 40 unchanged, 1 blocked." in shown


def test_the_first_line_is_the_environment_and_whether_it_is_pinned() -> None:
    for plan, line in (
        (EMPTY, ABOVE.strip()),
        (structs.replace(EMPTY, pin=ENVIRONMENT_ID), f"Environment production  {ENVIRONMENT_ID}"),
        (structs.replace(EMPTY, environment_id=None), "Environment production  nothing is live in it yet"),
    ):
        assert text.plan(plan).splitlines()[0] == line


def test_what_the_process_loosens_is_said_in_every_plan() -> None:
    loose = structs.replace(EMPTY, loosened=("forbidShared", "forbidPublicMail"))
    said = text.plan(loose).splitlines()[1]
    assert said == "! the process lets manifests loosen forbidShared and forbidPublicMail"


def test_a_refusal_is_the_last_word() -> None:
    assert (
        text.plan_with_pins(REFUSED).splitlines()[-1] == "Refused (maxCreates): 1 organizations would be created."
    )


def test_pins_come_with_what_to_do_about_them() -> None:
    missing = text.plan_with_pins(structs.replace(EMPTY, pins=WHOLE.pins), LOOK)
    assert (
        missing == f"{ABOVE}No changes. 40 unchanged.\n\n2 pins missing: `reconciler pin --write` inserts them.\n"
    )


def test_what_needs_no_action_never_floods() -> None:
    """Ten thousand unmanaged ones and hints are ten lines each, and one that says how many more; pins are one."""
    many = structs.replace(
        EMPTY,
        unmanaged=tuple(Unmanaged(KindName.ORGANIZATION, org_id(n), "", None) for n in range(10_000)),
        hints=tuple(Hint(HintReason.NO_TARGET, "no target.", f"o{n}") for n in range(10_000)),
        pins=tuple(Pin(KindName.ORGANIZATION, f"o{n}", f"o{n}", org_id(n), Origin("a")) for n in range(10_000)),
    )
    lines = text.plan_with_pins(many).splitlines()
    assert len(lines) == 2 + 2 * 11 + 2
    assert lines[12] == "  … and 9,990 more hints of this kind; `--output json` lists them all"
    assert lines[23] == "  … and 9,990 more unmanaged; `--output json` lists them all"
    assert lines[24:] == ["", "10,000 pins missing: `reconciler pin --write` inserts them."]


def test_a_report() -> None:
    assert (
        text.report(REPORT, LOOK)
        == """
applied   update acme  org_0000000000000000000000003
stale     update acme saml/okta  saml_conn_0000000000000000000000009: primary moved.
applied   create globex  id: org_0000000000000000000000006  # manifests/globex.yaml:1
unknown   create globex saml/entra: POST /v1/saml-connections: no answer within 10 s
failed    issue globex setup-link  org_0000000000000000000000006: cannot write delivered: No space left on device
Stopped: asked to stop (1 not started).
Done: 2 applied, 1 failed, 1 unknown, 1 stale. 3 blocked in the plan. 1 duplicate.
Unknown: it may have been written. Run `reconciler plan` to see; nothing is created twice.
Stale: the live object changed after the plan was made, so nothing was written. Plan again.
`reconciler pin --write` inserts the ids of what was created.
"""
    )


def test_a_report_adds_nothing_where_the_plan_has_said_all() -> None:
    assert text.report(Report(EMPTY)) == ""
    assert text.report(Report(REFUSED)) == ""


def test_an_apply_that_was_stopped_before_its_first_write_is_cancelled() -> None:
    stopped = Report(WHOLE, halt=Halt("Interrupted", "not confirmed", 5))
    assert text.report(stopped) == "\nCancelled. Nothing was written.\n"
    refused = Report(WHOLE, halt=Halt("Unauthorized", "the key was refused", 3))
    assert text.report(refused).splitlines()[1:] == [
        "Stopped: the key was refused (6 not started).",
        "Done: nothing. 3 blocked in the plan. 1 duplicate.",
    ]


def test_colours_mark_what_is_what_and_change_no_word() -> None:
    colours = Style(colour=True)
    assert "\x1b[33m~ acme" in text.plan(WHOLE, colours)
    assert "\x1b[32m+ globex" in text.plan(WHOLE, colours)
    assert "\x1b[31m! sign-in risk\x1b[0m" in text.plan(WHOLE, colours)
    assert "\x1b[31mfailed    issue" in text.report(REPORT, colours)
    for render in (lambda look: text.plan(WHOLE, look), lambda look: text.report(REPORT, look)):
        bare = render(colours)
        for code in ("0", "1", "31", "32", "33", "36"):
            bare = bare.replace(f"\x1b[{code}m", "")
        assert bare == render(Style())


def test_problems_worst_first_with_place_rule_and_hint() -> None:
    problems = (
        Problem("certificate/expires", Severity.WARNING, Origin("a.yaml", 3, 5), "it ends in 3 days", "renew it"),
        Problem("yaml/duplicate-key", Severity.ERROR, Origin("b.yaml", 7, 3), "`name` stands twice"),
    )
    assert (
        text.validation(Validation(problems, 3, 4), LOOK)
        == """\
manifests/b.yaml:7:3: error: `name` stands twice [yaml/duplicate-key]
manifests/a.yaml:3:5: warning: it ends in 3 days [certificate/expires]
    renew it
Invalid: 4 manifests in 3 files, 1 error, 1 warning.
"""
    )
    assert text.validation(Validation((), 1, 1)) == "Valid: 1 manifest in 1 file, 0 errors, 0 warnings.\n"


def test_a_customer() -> None:
    organization = Organization(org_id(1), ENVIRONMENT_ID, "", "4711", ("acme.example", "acme.test"))
    connection = SAMLConnection(conn_id(2), org_id(1), True, "", "", "urn:a", "urn:sp", "https://sp.example/acs")
    blank = SAMLConnection(conn_id(3), org_id(1))
    directory = SCIMDirectory(dir_id(4), org_id(1), False, "https://scim.example", True)
    assert (
        text.customer(Customer(organization, (connection, blank), (directory,), {conn_id(2): NEW}))
        == """\
-  org_0000000000000000000000001  in env_1111111111111111111111111
  external id  4711
  domains      acme.example acme.test

saml  saml_conn_0000000000000000000000002  primary
  SP entity id      urn:sp
  ACS URL           https://sp.example/acs
  IdP entity id     urn:a
  IdP redirect URL  -
  IdP certificate   sha256:77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe77fe expires 2029-01-10

saml  saml_conn_0000000000000000000000003
  SP entity id      -
  ACS URL           -
  IdP entity id     -
  IdP redirect URL  -
  IdP certificate   -

scim  scim_directory_0000000000000000000000004
  SCIM base URL       https://scim.example
  has a bearer token  true
"""
    )


def test_what_is_made_for_a_customer() -> None:
    assert text.setup_link(Secret("https://admin.example/setup?one-time-token=a")).endswith("token=a\n")
    done = text.token_rotation(TokenRotation(dir_id(4), delivered=True))
    assert done == f"Rotated the token of {dir_id(4)} and delivered it.\n"
    assert text.token_rotation(TokenRotation(dir_id(4), delivered=False)) == "Cancelled. Nothing was rotated.\n"


def test_an_error_says_what_and_what_next() -> None:
    assert (
        text.error(UsageError("no folder was named", "Name one.")) == "error: no folder was named\n  Name one.\n"
    )
    assert text.error(UsageError("it broke")) == "error: it broke\n"


def test_a_domain_that_only_stands_twice_is_shown_all_the_same() -> None:
    change = structs.replace(
        WHOLE.changes[0],
        fields=(
            structs.replace(WHOLE.changes[0].fields[1], before=("a.example", "a.example"), after=("a.example",)),
        ),
    )
    assert "domains  a.example a.example → a.example" in text.plan(structs.replace(EMPTY, changes=(change,)))


@settings(max_examples=50)
@given(strategies.worlds())
def test_every_change_and_every_block_of_any_plan_is_shown(world: tuple[Desired, Observed]) -> None:
    made = planned(*world, now=0.0)
    shown = text.plan_with_pins(made)
    lines = shown.splitlines()
    marks = sum(line.strip().startswith(("+ ", "~ ", "* ")) and not line.startswith("     ") for line in lines)
    assert marks == len(made.changes)
    assert sum("! sign-in risk" in line for line in lines) == sum(bool(change.risks) for change in made.changes)
    assert sum(line.startswith("x ") for line in lines) == len(made.blocked)
    assert ("Nothing to write" in shown) is bool(made.blocked and not made.changes)
    assert ("No changes." in shown) is (not made.changes and not made.blocked)


@settings(max_examples=50)
@given(strategies.worlds(), st.sampled_from([20, 60, 100]))
def test_a_window_of_any_width_shows_the_same_words(world: tuple[Desired, Observed], columns: int) -> None:
    made = planned(*world, now=0.0)
    wide, narrow = text.plan(made), text.plan(made, Style(columns=columns))
    assert narrow.split() == wide.split()
    assert [line for line in narrow.splitlines() if len(line) > columns and " " in line.strip()] == []
