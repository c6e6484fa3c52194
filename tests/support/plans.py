"""A plan with everything in it, made by hand, so that each rendering can be written out beside it."""

from __future__ import annotations

from msgspec import structs

from reconciler.model.change import (
    Blocked,
    BlockReason,
    Collection,
    Create,
    Duplicate,
    FieldChange,
    Hint,
    HintReason,
    Implied,
    IssueLink,
    IssueToken,
    Key,
    Pin,
    Plan,
    Ref,
    Refusal,
    SharedDomain,
    Target,
    Unmanaged,
    Update,
)
from reconciler.model.kinds import WIDENS, KindName
from reconciler.model.manifest import Origin
from reconciler.model.outcome import Halt, Outcome, Report, Result
from reconciler.model.state import Certificate, SetupLink
from tests.support.build import ENVIRONMENT_ID, conn_id, dir_id, org_id

ORGANIZATION, CONNECTION, DIRECTORY = KindName.ORGANIZATION, KindName.CONNECTION, KindName.DIRECTORY
OLD = Certificate("ab12" * 16, "2026-12-03T00:00:00Z", "")
NEW = Certificate("77fe" * 16, "2029-01-10T00:00:00Z", "")

ACME = Update(
    Key("acme", ORGANIZATION, "acme"),
    Origin("acme.yaml", 4),
    id=org_id(3),
    fields=(
        FieldChange("displayName", "displayName", "Acme", "Acme Corporation"),
        FieldChange("domains", "domains", ("acme.example", "gone.example"), ("acme.example", "acme.test"), "risk"),
    ),
)
OKTA = Update(
    Key("acme", CONNECTION, "okta"),
    Origin("acme.yaml", 9),
    id=conn_id(9),
    parent=org_id(3),
    fields=(
        FieldChange("idpCertificate", "idp.certificate", OLD, NEW, "risk"),
        FieldChange("idpRedirectUrl", "idp.redirectUrl", "https://idp.example/", "", "risk"),
        FieldChange("primary", "primary", False, True, "risk"),
    ),
    implied=(Implied(conn_id(8), "adfs"), Implied(conn_id(7), None)),
)
GLOBEX = Create(
    Key("globex", ORGANIZATION, "globex"),
    Origin("globex.yaml"),
    fields=(
        FieldChange("externalId", "externalId", None, "4712"),
        FieldChange("displayName", "displayName", None, "Globex"),
    ),
)
ENTRA = Create(
    Key("globex", CONNECTION, "entra"),
    Origin("globex.yaml", 6),
    needs=(GLOBEX.key,),
    collection=Collection(Ref(GLOBEX.key), (), frozenset()),
)
LINK = IssueLink(
    Key("globex", KindName.SETUP_LINK, "setup-link"),
    Origin("globex.yaml"),
    parent=Ref(GLOBEX.key),
    extent=SetupLink(saml=True, scim=True),
)
TOKEN = IssueToken(
    Key("hooli", KindName.BEARER_TOKEN, "okta"),
    Origin("hooli.yaml", 8),
    parent=org_id(5),
    directory=dir_id(5),
    risk=f"{WIDENS}: a secret",
)

EMPTY = Plan(
    environment="production",
    environment_id=ENVIRONMENT_ID,
    pin=None,
    revision="r1",
    digest="9f31c2d0",
    changes=(),
    blocked=(),
    hints=(),
    unmanaged=(),
    pins=(),
    unchanged=40,
    matched=12,
    suspended={},
)
WHOLE = structs.replace(
    EMPTY,
    changes=(ACME, OKTA, GLOBEX, ENTRA, LINK, TOKEN),
    blocked=(
        Blocked(BlockReason.AMBIGUOUS, "Add `id: x`.", "stark", CONNECTION, "okta", Origin("stark.yaml", 7, 5)),
        Blocked(BlockReason.AMBIGUOUS, "Add `id: x`.", "stark", CONNECTION, "next", Origin("stark.yaml", 9, 5)),
        Blocked(BlockReason.PIN_NOT_FOUND, "Gone.", "wayne", ORGANIZATION, None, Origin("wayne.yaml", 3)),
    ),
    hints=(
        Hint(HintReason.UNPINNED, "add `id:`.", "umbrella", "okta"),
        Hint(HintReason.NO_TARGET, "no delivery target is configured.", "initech"),
    ),
    unmanaged=(
        Unmanaged(ORGANIZATION, org_id(77), "Initrode", None),
        Unmanaged(CONNECTION, conn_id(78), "", "acme"),
    ),
    pins=(
        Pin(ORGANIZATION, "acme", "acme", org_id(3), Origin("acme.yaml", 4)),
        Pin(CONNECTION, "acme", "okta", conn_id(9), Origin("acme.yaml", 9)),
    ),
    suspended={"soylent": "moving, ask first"},
    targets={
        "acme": Target(org_id(3), "Acme", ("acme.example", "gone.example"), adopted=False),
        "hooli": Target(org_id(5), "Hooli", (), adopted=True),
    },
    shared_domains=(SharedDomain("shared.example", (org_id(3), org_id(77))),),
    duplicates=(Duplicate(CONNECTION, "acme", "okta", (conn_id(9), conn_id(10))),),
)
REFUSED = structs.replace(WHOLE, refusals=(Refusal("maxCreates", "1 organizations would be created."),))
REPORT = Report(
    WHOLE,
    outcomes=(
        Outcome(ACME, Result.APPLIED, org_id(3)),
        Outcome(OKTA, Result.STALE, conn_id(9), "primary moved."),
        Outcome(GLOBEX, Result.APPLIED, org_id(6)),
        Outcome(ENTRA, Result.UNKNOWN, None, "POST /v1/saml-connections: no answer within 10 s"),
        Outcome(LINK, Result.FAILED, org_id(6), "cannot write delivered: No space left on device"),
    ),
    halt=Halt("Interrupted", "asked to stop", 5),
)
