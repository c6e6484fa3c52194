"""Turns live organizations into manifests that plan nothing, with a comment for what cannot stand in one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from reconciler.core.adopting import handles
from reconciler.core.adopting.inventory import claimed
from reconciler.core.adopting.writing import address, comment, listed, scalar, shown, tidy, unfit
from reconciler.core.values import certificate, domain
from reconciler.model.change import Key
from reconciler.model.importing import Adopted, File, Imported, Oddity, Skipped
from reconciler.model.kinds import CONNECTION, DIRECTORY, ORGANIZATION, Kind, KindName
from reconciler.model.settings import DomainRules
from reconciler.model.state import (
    Child,
    Desired,
    Observed,
    ObservedOrganization,
    Organization,
    Ownership,
    SAMLConnection,
    SCIMDirectory,
    Unreadable,
)

SCHEMAS = ".schemas"  # beside the manifests, so that an editor finds them without a network
_MAX_TEXT, _MAX_URL, _MAX_DOMAINS, _MAX_CHILDREN = 255, 2048, 2000, 200  # as the schema has them
_MAX_SHOWN = 5  # domains whose faults a comment tells


class Wish(Struct, frozen=True):
    """What the person asked for; `only` are ids of organizations, None for all, `batch` is the largest number."""

    environment: str
    only: frozenset[str] | None = None
    batch: int | None = None
    own_idp: bool = False
    ownership: Ownership | None = None
    labels: Mapping[str, str] = {}
    normalise: bool = False
    dry_run: bool = False


class Folder(Struct, frozen=True):
    """What is there already: the names of files without their endings, what they declare, and the rules."""

    names: tuple[str, ...]
    desired: Desired | None
    rules: DomainRules


def compose(observed: Observed, folder: Folder, wish: Wish, now: float) -> Imported:
    """A manifest for each live organization that none claims, as far as the wish goes; `now` in Unix seconds."""
    claims = claimed(observed, folder.desired) if folder.desired else {}
    free = [live for live in observed.organizations if live.organization.id not in claims]
    chosen = [each for each in free if wish.only is None or each.organization.id in wish.only]
    unread = {each.organization.id: why for each in chosen if (why := _unread(each))}
    readable = [each for each in chosen if each.organization.id not in unread][: wish.batch]
    names = handles.Handles((*folder.names, *_declared_names(folder.desired)))
    writer = _Writer(observed, folder, wish, now)
    adopted = tuple(writer.adopt(each, names.of(each.organization)) for each in readable)
    return Imported(
        environment=folder.desired.environment.name if folder.desired else wish.environment,
        environment_id=observed.environment_id,
        adopted=adopted,
        skipped=tuple(Skipped(id_, why) for id_, why in unread.items()),
        in_git=len(observed.organizations) - len(free) + len(adopted),
        left=len(free) - len(adopted),
        dry_run=wish.dry_run,
    )


def environment_manifest(name: str, id_: str) -> File:
    """The Environment, with its pin."""
    return File(
        "environment.yaml", _head("Environment") + f"metadata: {{name: {scalar(name)}}}\nspec:\n  id: {id_}\n"
    )


def _head(kind: str) -> str:
    modeline = f"# yaml-language-server: $schema={SCHEMAS}/{kind.lower()}.schema.json\n"
    return f"{modeline}apiVersion: reconciler/v1\nkind: {kind}\n"


def _unread(live: ObservedOrganization) -> str:
    return next((each.message for each in live.collections.values() if isinstance(each, Unreadable)), "")


def _declared_names(desired: Desired | None) -> Iterator[str]:
    if desired:
        yield from (each.name for each in desired.organizations)
        yield from (each.name for each in desired.invalid if each.name)


class _Writer:
    """Writes one manifest after another by the same rules."""

    def __init__(self, observed: Observed, folder: Folder, wish: Wish, now: float) -> None:
        desired, rules = folder.desired, folder.rules
        self._wish = wish
        self._now = now
        self._warn_days = desired.environment.warn_days if desired else 0
        self._forbid_public_mail = desired.environment.forbid_public_mail if desired else rules.forbid_public_mail
        self._make_lone_primary = desired is not None and desired.environment.make_lone_primary
        forbid_shared = desired.environment.forbid_shared if desired else rules.forbid_shared
        self._holders = _holders(observed, desired) if forbid_shared else {}

    def adopt(self, live: ObservedOrganization, name: str) -> Adopted:
        """The organization's manifest, and the files that it refers to."""
        manifest = _Manifest(name, [])
        organization = live.organization
        connections = tuple(
            each for each in _children(live, KindName.CONNECTION) if isinstance(each, SAMLConnection)
        )
        directories = tuple(
            each for each in _children(live, KindName.DIRECTORY) if isinstance(each, SCIMDirectory)
        )
        self._organization(manifest, organization)
        self._connections(manifest, connections)
        self._directories(manifest, directories, connections)
        manifest.files.append(File(f"{name}.yaml", "".join(f"{line}\n" for line in manifest.lines)))
        return Adopted(
            id=organization.id,
            name=name,
            display_name=organization.display_name,
            children=len(connections) + len(directories),
            files=tuple(manifest.files),
            oddities=tuple(manifest.oddities),
        )

    # -- the organization itself ---------------------------------------------------------------------

    def _organization(self, manifest: _Manifest, live: Organization) -> None:
        manifest.lines += [*_head("Organization").splitlines(), "metadata:", f"  name: {scalar(manifest.name)}"]
        if self._wish.labels:
            pairs = (f"{scalar(key)}: {scalar(value)}" for key, value in self._wish.labels.items())
            manifest.lines.append(f"  labels: {{{', '.join(pairs)}}}")
        manifest.lines += ["spec:", f"  id: {live.id}"]
        if self._wish.ownership:
            manifest.lines.append(f"  ownership: {self._wish.ownership}")
        if live.external_id:
            self._text(manifest, "externalId", live.external_id)
        if live.display_name:
            self._display_name(manifest, live.display_name)
        if live.domains:
            self._domains(manifest, live)

    def _text(self, manifest: _Manifest, key: str, text: str) -> None:
        why = unfit(text, _MAX_TEXT)
        if why:
            manifest.odd(key, f"{key} is left out: {why}. Live is: {shown(text)}")
        else:
            manifest.lines.append(f"  {key}: {scalar(text)}")

    def _display_name(self, manifest: _Manifest, text: str) -> None:
        sound = tidy(text)
        repairable = bool(sound and unfit(text, _MAX_TEXT) and not unfit(sound, _MAX_TEXT))
        if repairable and self._wish.normalise:
            message = f"displayName has control characters; live is: {shown(text)}"
            manifest.lines.append(f"  displayName: {scalar(sound)}")
            manifest.odd("displayName", message, manifest.key(ORGANIZATION.name))
            return
        self._text(manifest, "displayName", text)
        if repairable:
            manifest.say(f"to have it put right, write displayName: {scalar(sound)}")

    def _domains(self, manifest: _Manifest, live: Organization) -> None:
        faults = self._faults(live)
        if not faults:
            manifest.lines += listed("domains", live.domains, "  ")
            return
        sound = self._sound(live)
        told = [*faults[:_MAX_SHOWN], *([f"{len(faults) - _MAX_SHOWN} more"] if len(faults) > _MAX_SHOWN else [])]
        if self._wish.normalise and sound:
            manifest.lines += listed("domains", sound, "  ")
            manifest.odd("domains", f"domains are put right: {'; '.join(told)}", manifest.key(ORGANIZATION.name))
            return
        manifest.odd("domains", f"domains are left out: {'; '.join(told)}")
        if sound:
            manifest.say(f"to have them put right, write domains: [{', '.join(sound)}]")

    def _faults(self, live: Organization) -> list[str]:
        """What keeps its domains from standing in a manifest, each in a few words."""
        if len(live.domains) > _MAX_DOMAINS:
            return [f"they are {len(live.domains):,}, and {_MAX_DOMAINS:,} are allowed"]
        found, seen = [], set()
        for name in live.domains:
            fault = domain.check(name, forbid_public_mail=self._forbid_public_mail)
            if fault:
                found.append(fault.message)
            elif name in seen:
                found.append(f"`{name}` stands there twice")
            others = self._others(name, live)
            if others:
                found.append(f"`{name}` is also that of {min(others)}: take it out of one of them")
            seen.add(name)
        return list(dict.fromkeys(found))

    def _sound(self, live: Organization) -> list[str]:
        """The domains as they were meant; none if that is not certain for each."""
        if len(live.domains) > _MAX_DOMAINS:
            return []
        found: dict[str, None] = {}
        for name in live.domains:
            sound = domain.repaired(name, forbid_public_mail=self._forbid_public_mail)
            if sound is None or self._others(sound, live):
                return []
            found[sound] = None
        return list(found)

    def _others(self, name: str, live: Organization) -> set[str]:
        return self._holders.get(_meant(name), set()) - {live.id}

    # -- its children ----------------------------------------------------------------------------------

    def _connections(self, manifest: _Manifest, live: Sequence[SAMLConnection]) -> None:
        complete = [each for each in live if each.idp_entity_id and each.idp_redirect_url and each.idp_certificate]
        self._collection(
            manifest, CONNECTION, dict(zip(handles.of_connections(live), live, strict=True)), complete
        )

    def _directories(
        self, manifest: _Manifest, live: Sequence[SCIMDirectory], connections: Sequence[SAMLConnection]
    ) -> None:
        names = handles.of_directories(live, connections)
        used = live if len(live) == 1 else [each for each in live if each.has_client_bearer_token]
        self._collection(manifest, DIRECTORY, dict(zip(names, live, strict=True)), used)

    def _collection(
        self, manifest: _Manifest, kind: Kind, live: Mapping[str, Child], working: Sequence[Child]
    ) -> None:
        """All live ones by name; `working` are those that could be primary."""
        if len(live) > _MAX_CHILDREN:
            message = f"{kind.collection} are left out: they are {len(live)}, and {_MAX_CHILDREN} are allowed"
            manifest.odd(kind.collection, message)
            return
        if not live:
            return
        manifest.lines.append(f"  {kind.collection}:")
        primary = self._primary(manifest, kind, live, working)
        for name, child in live.items():
            manifest.lines += [f"    - name: {name}", f"      id: {child.id}"]
            if name == primary:
                manifest.lines.append("      primary: true")
            if self._wish.own_idp and isinstance(child, SAMLConnection):
                self._idp(manifest, name, child)

    def _primary(
        self, manifest: _Manifest, kind: Kind, live: Mapping[str, Child], working: Sequence[Child]
    ) -> str | None:
        """The name of the one to be called primary."""
        found = [name for name, child in live.items() if child.primary]
        if len(found) == 1:
            return found[0]
        healed = kind is DIRECTORY and len(live) == 1 and self._make_lone_primary
        if not found and len(working) == 1 and (self._wish.normalise or healed):
            (name,) = (name for name, child in live.items() if child is working[0])
            key = manifest.key(kind.name, name)
            manifest.odd(kind.collection, f"none of these is primary; {name} is made it", key, indent="    ")
            return name
        which = f"{' and '.join(found)} are all primary" if found else "none of these is primary"
        manifest.odd(kind.collection, f"{which}. Write primary: true on the right one", indent="    ")
        return None

    def _idp(self, manifest: _Manifest, name: str, live: SAMLConnection) -> None:
        lines, odd = [], []
        for key, text in (("entityId", live.idp_entity_id), ("redirectUrl", live.idp_redirect_url)):
            why = unfit(text, _MAX_URL)
            if why:
                odd.append((f"{key} is left out: {why}. Live is: {shown(text)}", key))
            elif text:
                lines.append(f"        {key}: {address(text)}")
        if live.idp_certificate:
            found, faults = certificate.parse(live.idp_certificate, now=self._now, warn_days=self._warn_days)
            if found:
                file = File(f"certs/{manifest.name}-{name}.pem", found.pem)
                manifest.files.append(file)
                lines.append(f"        certificate: {{file: {file.path}}}")
            else:
                odd.append((f"certificate is left out: {faults[0].message}. Write a sound one", "certificate"))
        for message, key in odd:
            manifest.odd(f"saml/{name} {key}", message, indent="      ")
        if lines:
            manifest.lines += ["      idp:", *lines]


class _Manifest(Struct):
    """A manifest that is being written."""

    name: str
    lines: list[str]
    files: list[File] = []
    oddities: list[Oddity] = []

    def key(self, kind: KindName, name: str = "") -> Key:
        """What a change of this organization, or of a child of it, is known by in a plan."""
        return Key(self.name, kind, name or self.name)

    def odd(self, path: str, message: str, plans: Key | None = None, *, indent: str = "  ") -> None:
        """Notes an oddity, also as a comment."""
        self.oddities.append(Oddity(path, message, plans))
        self.say(message, indent)

    def say(self, words: str, indent: str = "  ") -> None:
        """A comment for whoever reads the manifest."""
        self.lines.append(comment(words, indent))


def _children(live: ObservedOrganization, kind: KindName) -> tuple[Child, ...]:
    found = live.collections.get(kind, ())
    return () if isinstance(found, Unreadable) else found


def _holders(observed: Observed, desired: Desired | None) -> dict[str, set[str]]:
    """Who holds each domain, live or by a manifest: ids of organizations, handles of those that are not live."""
    held: dict[str, set[str]] = {}
    for live in observed.organizations:
        for name in live.organization.domains:
            held.setdefault(_meant(name), set()).add(live.organization.id)
    ids = {handle: id_ for id_, handle in claimed(observed, desired).items()} if desired else {}
    for handle, domains in _stated(desired) if desired else ():
        for name in domains:
            held.setdefault(_meant(name), set()).add(ids.get(handle, handle))
    return held


def _meant(name: str) -> str:
    return domain.repaired(name, forbid_public_mail=False) or domain.normal(name)


def _stated(desired: Desired) -> Iterator[tuple[str, Iterable[str]]]:
    """Each manifest's handle and domains."""
    for wanted in desired.organizations:
        domains = wanted.owned.get("domains")
        yield wanted.name, domains if isinstance(domains, tuple) else ()
    for bad in desired.invalid:
        yield bad.name or str(bad.origin), bad.domains
