"""Everybody who changes something: those who edit manifests, customers with a setup link, operators who click."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from typing import Any

from reconciler.emulator import SetupPage
from reconciler.emulator.rows import Organization as LiveOrganization
from reconciler.emulator.rows import SetupLink
from reconciler.emulator.seed import certificate
from reconciler.emulator.store import SQLError
from reconciler.model.change import Blocked, BlockReason, Plan
from reconciler.model.kinds import KindName
from tests.simulation.ledger import ENVIRONMENT, Ledger
from tests.simulation.oracle.breach import Breach
from tests.simulation.repository import Child, Organization, Repository, Revision

KINDS = CONNECTION, DIRECTORY = str(KindName.CONNECTION), str(KindName.DIRECTORY)
PEMS = tuple(certificate(random.Random(number), f"idp {number}") for number in range(6))
DOMAINS = tuple(f"d{number}.example" for number in range(9))
ENTITIES = tuple(f"https://idp{number}.example/entity" for number in range(7))
URLS = tuple(f"https://idp{number}.example/sso" for number in range(3))  # few: vendors share them
NAMES = ("Acme", "Globex", "Initech", "Umbrella", "Hooli", "Vandelay", "Stark", "Wonka")
_IDS = re.compile(r"(?:org|saml_conn|scim_directory)_[0-9a-z]{25}")


def idp(rng: random.Random) -> dict[str, Any]:
    """What a manifest may say of an identity provider: some or all of it, in any spelling of the certificate."""
    pem = rng.choice(PEMS)
    stated: dict[str, Any] = {
        "entityId": rng.choice(ENTITIES),
        "redirectUrl": rng.choice(URLS),
        "certificate": {"pem": rng.choice((pem, f"subject=/CN=idp\n{pem}", pem.replace("\n", "\r\n")))},
    }
    return {key: stated[key] for key in stated if rng.random() < 0.85} or {"entityId": stated["entityId"]}


class Editors:
    """Those who commit."""

    def __init__(self, repository: Repository, ledger: Ledger, rng: random.Random) -> None:
        self._repository = repository
        self._ledger = ledger
        self._rng = rng
        self.plan: Plan | None = None  # the newest plan that anybody published

    def begin(self) -> None:
        """The first commit."""
        for _ in range(self._rng.randint(2, 4)):
            self._add()
        self.commit("begin")

    def edit(self) -> Revision:
        """One commit of a few edits; one that makes the manifests invalid is mostly taken back at once."""
        rng = self._rng
        if self.plan and self.plan.blocked and rng.random() < 0.5:
            self._answer(rng.choice(self.plan.blocked))
        elif self.plan and self.plan.pins and rng.random() < 0.2:
            self._pin()
        else:
            for _ in range(rng.choice((1, 1, 1, 2, 3))):
                rng.choice(_EDITS)(self)
        revision = self.commit("edit")
        if revision.faulty and rng.random() < (0.3 if any(each.broken for each in self._organizations()) else 0.8):
            self._mend()
            revision = self.commit("mend")
        return revision

    def commit(self, what: str) -> Revision:
        """Publishes what stands in the repository."""
        revision = self._repository.commit()
        self._ledger.counts["commits"] += 1
        self._ledger.note("editor", f"{what} r{revision.number}{' (faulty)' if revision.faulty else ''}")
        return revision

    def mend(self) -> None:
        """Whatever is broken or contradicts itself is put in order."""
        for each in self._organizations():
            each.broken = False
        if self.commit("mend").faulty:
            self._mend()
            self.commit("mend")

    # -- edits

    def _organizations(self) -> list[Organization]:
        return list(self._repository.organizations.values())

    def _one(self) -> Organization:
        if not self._organizations():
            self._add()
        return self._rng.choice(self._organizations())

    def _child(self, kind: str) -> tuple[Organization, Child | None]:
        organization = self._one()
        children = organization.children(kind)
        return organization, self._rng.choice(children) if children else None

    def _add(self) -> None:
        rng = self._rng
        logical = self._repository.new_logical()
        name = f"{rng.choice(NAMES).lower()}-{logical}"
        spec: dict[str, Any] = {"displayName": f"{rng.choice(NAMES)} {logical}"}
        if rng.random() < 0.5:
            spec["externalId"] = f"ext-{logical}"
        if rng.random() < 0.8:
            spec["domains"] = rng.sample(DOMAINS, rng.choice((1, 1, 2)))
        organization = Organization(logical, name, spec)
        self._repository.organizations[logical] = organization
        if rng.random() < 0.8:
            organization.collections[CONNECTION] = []
            for _ in range(rng.choice((0, 1, 1, 2, 3))):
                self._add_connection(organization)
        if rng.random() < 0.6:
            spec = {"name": "main", **({"bearerToken": "issue"} if rng.random() < 0.7 else {})}
            organization.collections[DIRECTORY] = [Child(self._repository.new_logical(), spec)]
        if rng.random() < 0.4:
            self._link(organization)
        if rng.random() < 0.1:
            self._restrict(organization)

    def _link(self, organization: Organization) -> None:
        """Asks for a link to whatever the manifest leaves to the customer."""
        theirs = {
            "saml": not any("idp" in each.spec for each in organization.children(CONNECTION)),
            "scim": not any("bearerToken" in each.spec for each in organization.children(DIRECTORY)),
        }
        parts = {part: True for part, left in theirs.items() if left and self._rng.random() < 0.7}
        if parts:
            organization.spec["setupLink"] = parts

    def _add_connection(self, organization: Organization | None = None) -> None:
        rng = self._rng
        organization = organization or self._one()
        children = organization.collections.setdefault(CONNECTION, [])
        if len(children) >= 4:
            return
        logical = self._repository.new_logical()
        spec: dict[str, Any] = {"name": f"c{logical}"}
        if rng.random() < 0.7:
            spec["idp"] = idp(rng)
        if rng.random() < 0.3:
            spec["primary"] = rng.random() < 0.7
        children.append(Child(logical, spec))

    def _drop(self) -> None:
        if len(self._repository.organizations) > 1:
            del self._repository.organizations[self._one().logical]

    def _drop_child(self) -> None:
        organization, child = self._child(self._rng.choice((CONNECTION, DIRECTORY)))
        for kind, children in organization.collections.items():
            organization.collections[kind] = [each for each in children if each is not child]

    def _unmanage(self) -> None:
        self._one().collections.pop(self._rng.choice((CONNECTION, DIRECTORY)), None)

    def _rename(self) -> None:
        organization = self._one()
        if self._rng.random() < 0.6:  # the careful way: the key stays
            organization.spec.setdefault("externalId", organization.name)
        organization.name = f"{self._rng.choice(NAMES).lower()}-{self._repository.new_logical()}"

    def _rename_child(self) -> None:
        _, child = self._child(self._rng.choice((CONNECTION, DIRECTORY)))
        if child:
            child.spec["name"] = f"n{self._repository.new_logical()}"

    def _display_name(self) -> None:
        organization, rng = self._one(), self._rng
        organization.spec["displayName"] = rng.choice((f"{rng.choice(NAMES)} {rng.randint(1, 99)}", None))
        if rng.random() < 0.2:
            del organization.spec["displayName"]

    def _domains(self) -> None:
        organization, rng = self._one(), self._rng
        if rng.random() < 0.15:
            organization.spec.pop("domains", None)
        else:
            organization.spec["domains"] = rng.sample(DOMAINS, rng.choice((0, 1, 1, 2, 3)))

    def _move_domain(self) -> None:
        giver, taker = self._one(), self._one()
        if giver is not taker and giver.spec.get("domains"):
            domain = self._rng.choice(giver.spec["domains"])
            giver.spec["domains"] = [each for each in giver.spec["domains"] if each != domain]
            taker.spec["domains"] = sorted({*taker.spec.get("domains", ()), domain})

    def _external_id(self) -> None:
        organization = self._one()
        organization.spec["externalId"] = f"ext-{self._repository.new_logical()}"

    def _idp(self) -> None:
        _, child = self._child(CONNECTION)
        if child is None:
            return
        if self._rng.random() < 0.3:
            child.spec.pop("idp", None)
        elif self._rng.random() < 0.6 and child.spec.get("idp"):
            new = idp(self._rng)
            key = self._rng.choice(("entityId", "redirectUrl", "certificate"))
            child.spec["idp"][key] = new.get(key, {"pem": PEMS[0]} if key == "certificate" else ENTITIES[0])
        else:
            child.spec["idp"] = idp(self._rng)

    def _primary(self) -> None:
        organization, child = self._child(self._rng.choice((CONNECTION, CONNECTION, DIRECTORY)))
        if child is None:
            return
        kind = next(kind for kind, children in organization.collections.items() if child in children)
        for each in organization.children(kind):
            each.spec.pop("primary", None)
        child.spec["primary"] = self._rng.random() < 0.8
        others = [each for each in organization.children(kind) if each is not child]
        if others and self._rng.random() < 0.4:
            self._rng.choice(others).spec["primary"] = not child.spec["primary"]

    def _secrets(self) -> None:
        organization, child = self._child(DIRECTORY)
        if child and self._rng.random() < 0.5:
            child.spec["bearerToken"] = "issue"
        elif organization.spec.pop("setupLink", None) is None:
            self._link(organization)

    def _hands_off(self) -> None:
        organization = self._one()
        if "suspend" in organization.spec or "ownership" in organization.spec:
            organization.spec.pop("suspend", None)
            organization.spec.pop("ownership", None)
        else:
            self._restrict(organization)

    def _restrict(self, organization: Organization) -> None:
        if self._rng.random() < 0.4:
            organization.spec["suspend"] = "a migration"
        else:
            organization.spec["ownership"] = self._rng.choice(("createOnly", "observe"))

    def _unpin(self) -> None:
        organization = self._one()
        organization.spec.pop("id", None)
        for children in organization.collections.values():
            for child in children:
                child.spec.pop("id", None)

    def _break(self) -> None:
        organization = self._one()
        organization.broken = not organization.broken

    def _mend(self) -> None:
        """Takes out what clashes: shared domains, doubled external ids, more than one blank or primary."""
        seen: set[str] = set()
        for each in self._organizations():
            each.broken = False
            key = each.spec.get("externalId", each.name)
            if key in seen or (key is None and "id" not in each.spec):
                each.spec["externalId"] = f"ext-{self._repository.new_logical()}"
            seen.add(each.spec.get("externalId", each.name) or "")
            if "domains" in each.spec:
                each.spec["domains"] = [name for name in each.spec["domains"] if name not in seen]
                seen.update(each.spec["domains"])
            if each.spec.get("id") in seen:
                del each.spec["id"]
            seen.add(each.spec.get("id", ""))
            each.spec.pop("setupLink", None)
            for kind, children in each.collections.items():
                _mend_children(kind, children, seen)

    def _adopt(self) -> None:
        """Somebody declares what was made by hand."""
        known = {each.spec.get("id") for each in self._organizations()}
        strangers = [
            each
            for each in self._ledger.store.organizations(ENVIRONMENT)
            if each.id not in self._ledger.labels and each.id not in known
        ]
        if not strangers:
            return
        stranger = self._rng.choice(strangers)
        logical = self._repository.new_logical()
        spec: dict[str, Any] = {"id": stranger.id, "displayName": stranger.display_name or None}
        self._repository.organizations[logical] = Organization(logical, f"adopted-{logical}", spec)
        self._ledger.labels[stranger.id] = logical

    # -- answers to what a plan says

    def _pin(self) -> None:
        """Somebody pastes the lines that a plan printed; each must be the id of what it stands beside."""
        plan = self.plan
        if plan is None or plan.revision != f"r{self._repository.head.number}":
            return
        for pin in self._rng.sample(plan.pins, min(len(plan.pins), self._rng.randint(1, 4))):
            found = self._place(pin.organization, pin.kind, pin.name)
            if found is None or pin.id not in self._ledger.rows():
                continue
            spec, logical = found
            place = (pin.organization, pin.kind, pin.name)
            if self._ledger.is_anothers(pin.id, place, self._repository.head, self._ledger.rows()):
                self._ledger.violated(Breach.MISJUDGED, f"a plan takes {pin.id} for another thing than it is")
            self._ledger.take_for(pin.id, logical)
            spec["id"] = pin.id

    def _place(self, organization: str, kind: KindName, name: str | None) -> tuple[dict[str, Any], int] | None:
        """The spec at a place of the manifests, and whose it is."""
        for each in self._organizations():
            if each.name != organization:
                continue
            if kind is KindName.ORGANIZATION:
                return each.spec, each.logical
            for child in each.children(str(kind)):
                if child.spec["name"] == name:
                    return child.spec, child.logical
        return None

    def _answer(self, blocked: Blocked) -> None:
        """What a person does who reads why something is blocked."""
        found = self._place(blocked.organization, blocked.kind, blocked.name)
        home = self._place(blocked.organization, KindName.ORGANIZATION, None)
        if found is None or home is None:
            return
        spec, logical = found
        if blocked.reason in {BlockReason.PIN_NOT_FOUND, BlockReason.CLAIMED_TWICE}:
            spec.pop("id", None)
        elif blocked.reason in {BlockReason.PRIMARY, BlockReason.INCOMPLETE_IDP}:
            spec.pop("primary", None)
        elif blocked.reason is BlockReason.NO_IDENTITY:
            spec["displayName"] = f"{self._rng.choice(NAMES)} {logical}"
        elif blocked.reason is BlockReason.DOMAIN_HELD:
            spec["domains"] = []
        elif blocked.reason is BlockReason.TOKEN_LOST:
            spec.pop("bearerToken", None)
        elif blocked.reason is BlockReason.PROTECTED:
            spec["ownership"] = "observe"
        elif blocked.reason is BlockReason.AMBIGUOUS:
            self._tell_apart(spec, home[0], logical, _IDS.findall(blocked.message))

    def _tell_apart(self, spec: dict[str, Any], home: dict[str, Any], logical: int, named: list[str]) -> None:
        """It is the one that it truly is; if it is none of them, it is either adopted or told to be another."""
        labels, rows = self._ledger.labels, self._ledger.rows()
        candidates = [id_ for id_ in dict.fromkeys(named) if id_ in rows]
        own = [id_ for id_ in candidates if labels.get(id_) == logical]
        free = [id_ for id_ in candidates if id_ not in labels]
        if own or (free and self._rng.random() < 0.5):
            spec["id"] = (own or free)[0]
            self._ledger.take_for(spec["id"], logical)
            return
        declared = {each.logical for each in self._organizations()}
        declared |= {
            child.logical for each in self._organizations() for kind in KINDS for child in each.children(kind)
        }
        others = [id_ for id_ in candidates if labels.get(id_) not in declared]  # none of those in git
        home["distinctFrom"] = sorted({*home.get("distinctFrom", ()), *others})


def _mend_children(kind: str, children: list[Child], seen: set[str]) -> None:
    blank = primaries = 0
    for child in list(children):
        if child.spec.get("id") in seen:
            del child.spec["id"]
        seen.add(child.spec.get("id", ""))
        untold = "id" not in child.spec and (kind == DIRECTORY or not any(child.spec.get("idp", {}).values()))
        blank += untold
        if untold and blank > 1:
            children.remove(child)
        elif child.spec.get("primary"):
            primaries += 1
            if primaries > 1:
                del child.spec["primary"]


Edit = Callable[[Editors], object]
_EDITS: tuple[Edit, ...] = (
    Editors._add,
    Editors._add_connection,
    Editors._add_connection,
    Editors._drop,
    Editors._drop_child,
    Editors._unmanage,
    Editors._rename,
    Editors._rename_child,
    Editors._display_name,
    Editors._domains,
    Editors._domains,
    Editors._move_domain,
    Editors._move_domain,
    Editors._external_id,
    Editors._idp,
    Editors._idp,
    Editors._idp,
    Editors._primary,
    Editors._primary,
    Editors._primary,
    Editors._secrets,
    Editors._hands_off,
    Editors._hands_off,
    Editors._unpin,
    Editors._break,
    Editors._adopt,
)


class Outsiders:
    """Customers on their setup page, and operators in the web application."""

    def __init__(self, ledger: Ledger, rng: random.Random) -> None:
        self._ledger = ledger
        self._store = ledger.store
        self._rng = rng

    def crowd(self, count: int) -> None:
        """Organizations that were there before."""

        def act() -> None:
            for number in range(count):
                self._store.put_organization(self._environment_id, display_name=f"Old {number}")

        self._ledger.by_person("operator", f"{count} organizations of old", act)

    @property
    def _environment_id(self) -> str:
        return self._store.environments[ENVIRONMENT].id

    def customer(self, organization_id: str | None = None) -> None:
        """An administrator does something on the setup page of that organization, or of any."""
        named = self._store.find(LiveOrganization, organization_id) if organization_id else None
        organization = named or self._organization()
        if organization is None:
            return
        rng = self._rng
        token = self._store.make_setup_link(SetupLink(organization.id, True, True))
        page = SetupPage(self._store, f"https://admin.emulator.example/setup?one-time-token={token}")
        connections, directories = page.connections(), page.directories()
        chance = rng.random()
        if chance < 0.5 and connections:
            one = rng.choice(connections)
            fields = self._idp() if rng.random() < 0.7 else {"primary": rng.random() < 0.7}
            self._do("customer", f"changes {one.id}", lambda: page.change_connection(one.id, **fields))
        elif chance < 0.7 and len(connections) < 5:
            fields = self._idp() if rng.random() < 0.7 else {}
            self._do(
                "customer",
                f"adds a connection to {organization.id}",
                lambda: page.create_connection(primary=not connections, **fields),
            )
        elif chance < 0.9 and directories:
            one_directory = rng.choice(directories)
            self._do(
                "customer",
                f"makes a token for {one_directory.id}",
                lambda: page.rotate_bearer_token(one_directory.id),
            )
        elif len(directories) < 3:
            self._do(
                "customer",
                f"adds a directory to {organization.id}",
                lambda: page.create_directory(primary=not directories),
            )

    def operator(self, organization_id: str | None = None) -> None:
        """Somebody clicks, on that organization or on any."""
        named = self._store.find(LiveOrganization, organization_id) if organization_id else None
        rng, organization = self._rng, named or self._organization()
        if organization is None or rng.random() < 0.1:
            name, domain = f"{rng.choice(NAMES)} {rng.randint(1, 20)}", rng.choice(DOMAINS)
            self._do(
                "operator",
                "makes an organization",
                lambda: self._store.put_organization(
                    self._environment_id,
                    display_name=name,
                    domains=[domain] if rng.random() < 0.4 else [],
                ),
            )
        elif rng.random() < 0.12:
            self._delete(organization)
        else:
            self._change(organization)

    def _change(self, organization: LiveOrganization) -> None:
        rng = self._rng
        fields: dict[str, Any] = {
            "display_name": organization.display_name,
            "external_id": organization.external_id,
            "domains": organization.domains,
        }
        chance = rng.random()
        if chance < 0.4:
            fields["display_name"] = f"{rng.choice(NAMES)} by hand"
        elif chance < 0.85:
            kept = [each for each in organization.domains if rng.random() < 0.6]
            own = rng.choice(organization.domains or DOMAINS)
            fields["domains"] = [
                *kept,
                rng.choice((rng.choice(DOMAINS), rng.choice(DOMAINS).upper(), own.upper())),
            ]
        else:
            fields["external_id"] = rng.choice(("", f"by-hand-{rng.randint(1, 9)}"))
        self._do(
            "operator",
            f"changes {organization.id}",
            lambda: self._store.put_organization(self._environment_id, row_id=organization.id, **fields),
        )

    def _delete(self, organization: LiveOrganization) -> None:
        ids = [organization.id]
        ids += [each.id for each in self._store.connections(organization.id)]
        ids += [each.id for each in self._store.directories(organization.id)]
        row_id = self._rng.choice(ids)
        self._do("operator", f"deletes {row_id}", lambda: self._store.delete(row_id))

    def _idp(self) -> dict[str, Any]:
        rng = self._rng
        values = {
            "idp_entity_id": rng.choice(ENTITIES),
            "idp_redirect_url": rng.choice(URLS),
            "idp_certificate": rng.choice(PEMS),
        }
        return {key: value for key, value in values.items() if rng.random() < 0.8}

    def _organization(self) -> LiveOrganization | None:
        """One of them, mostly one that is in git."""
        everybody = self._store.organizations(ENVIRONMENT)
        known = [each for each in everybody if each.id in self._ledger.labels]
        chosen = known if known and self._rng.random() < 0.9 else everybody
        return self._rng.choice(chosen) if chosen else None

    def _do(self, who: str, what: str, act: Callable[[], object]) -> None:
        def tolerated() -> None:
            try:
                act()
            except SQLError:
                self._ledger.counts["refused to people"] += 1

        self._ledger.by_person(who, what, tolerated)
