"""Small worlds in which everything collides: few ids, few names, few values, so that doubt is the common case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

from reconciler.model.state import (
    Child,
    Desired,
    DesiredChild,
    DesiredOrganization,
    Observed,
    ObservedOrganization,
    Ownership,
)
from tests.support import build

ENTITIES, URLS, CERTIFICATES = ("e1", "e2"), ("u1", "u2"), ("c1", "c2")
VALUES = {"entity": ENTITIES, "url": URLS, "cert": CERTIFICATES}
DOMAINS = ("one.example", "two.example", "three.example")
NAMES = ("Acme", "Globex")
HANDLES = ("acme", "globex", "initech")


@st.composite
def idp(draw: st.DrawFn, *, cleared: bool) -> dict[str, str]:
    """Some IdP values; `cleared` allows "" beside values, as an explicit null."""
    chosen: dict[str, str] = {}
    for key, values in VALUES.items():
        value = draw(st.sampled_from([None, *([""] if cleared else []), *values]))
        if value is not None:
            chosen[key] = value
    return chosen


@st.composite
def live_connections(draw: st.DrawFn, *, org: int = 1, max_size: int = 4) -> tuple[Child, ...]:
    """A complete list in order of id, with at most one primary."""
    values = draw(st.lists(idp(cleared=False), max_size=max_size))
    primary = draw(st.sampled_from([None, *range(len(values))]))
    return tuple(
        build.live_connection(10 * org + number, org=org, primary=number == primary, **each)
        for number, each in enumerate(values)
    )


@st.composite
def live_directories(draw: st.DrawFn, *, org: int = 1, max_size: int = 2) -> tuple[Child, ...]:
    tokens = draw(st.lists(st.booleans(), max_size=max_size))
    primary = draw(st.sampled_from([None, *range(len(tokens))]))
    return tuple(
        build.live_directory(10 * org + number, org=org, primary=number == primary, token=token)
        for number, token in enumerate(tokens)
    )


def _primaries(draw: st.DrawFn, size: int) -> list[bool | None]:
    """What is stated about being primary: at most one true."""
    holder = draw(st.sampled_from([None, *range(size)]))
    return [True if number == holder else draw(st.sampled_from([None, False])) for number in range(size)]


def _pins(draw: st.DrawFn, size: int, ids: Sequence[str]) -> list[str | None]:
    """Mostly none; a pin stands once."""
    pool = draw(st.permutations(ids))[:size]
    pinned = draw(st.lists(st.sampled_from([False, False, False, True]), min_size=size, max_size=size))
    return [pool[number] if pinned[number] and number < len(pool) else None for number in range(size)]


@st.composite
def declared_connections(
    draw: st.DrawFn, live: Sequence[Child] = (), *, org: int = 1, max_size: int = 3, cleared: bool = True
) -> tuple[DesiredChild, ...]:
    """As the checks of a folder let them pass: unique names and pins, one primary, one without any evidence."""
    values = draw(st.lists(idp(cleared=cleared), max_size=max_size))
    pins = _pins(draw, len(values), [*(each.id for each in live), build.conn_id(10 * org + 9)])
    primaries = _primaries(draw, len(values))
    children = [
        build.connection("abc"[number], id_=pins[number], primary=primaries[number], **each)
        for number, each in enumerate(values)
    ]
    blank = [child for child in children if child.id is None and not set(child.owned) - {"primary"}]
    return tuple(child for child in children if child not in blank[1:])


@st.composite
def declared_directories(draw: st.DrawFn, live: Sequence[Child] = (), *, org: int = 1) -> tuple[DesiredChild, ...]:
    """At most one without a pin."""
    size = draw(st.integers(0, 2))
    pins = _pins(draw, size, [*(each.id for each in live), build.dir_id(10 * org + 9)])
    primaries = _primaries(draw, size)
    children = [
        build.directory("de"[number], id_=pins[number], primary=primaries[number], issue_token=draw(st.booleans()))
        for number in range(size)
    ]
    unpinned = [child for child in children if child.id is None]
    return tuple(child for child in children if child not in unpinned[1:])


@st.composite
def distinct(draw: st.DrawFn, live: Sequence[Child]) -> frozenset[str]:
    return frozenset(draw(st.lists(st.sampled_from([each.id for each in live]), max_size=2)) if live else ())


@st.composite
def _live_organization(draw: st.DrawFn, number: int, external_id: str) -> ObservedOrganization:
    domains = draw(st.lists(st.sampled_from([*DOMAINS, DOMAINS[0].upper()]), max_size=2))
    return build.live(
        number,
        external_id,
        display_name=draw(st.sampled_from(["", *NAMES])),
        domains=domains,
        connections=draw(live_connections(org=number, max_size=3)),
        directories=draw(live_directories(org=number)),
    )


@st.composite
def observed(draw: st.DrawFn) -> Observed:
    """Up to three live organizations with all their collections; external ids are unique, where there are any."""
    external_ids = draw(st.permutations([*HANDLES, "", ""]))
    size = draw(st.integers(0, 3))
    return build.observed(*(draw(_live_organization(number + 1, external_ids[number])) for number in range(size)))


@st.composite
def _declared_organization(
    draw: st.DrawFn, name: str, pin: str | None, domains: Sequence[str], world: Observed
) -> DesiredOrganization:
    claimed = next(
        (
            each
            for each in world.organizations
            if each.organization.id == pin or (pin is None and each.organization.external_id == name)
        ),
        None,
    )
    collections = claimed.collections if claimed else {}
    number = int(claimed.organization.id[-1]) if claimed else 7
    live = [tuple(collections.get(kind, ())) for kind in (build.CONNECTION, build.DIRECTORY)]
    more: dict[str, Any] = {}
    if draw(st.booleans()):
        more["display_name"] = draw(st.sampled_from(["", *NAMES]))
    if domains or draw(st.booleans()):
        more["domains"] = tuple(sorted(domains))
    taken = {each.organization.external_id for each in world.organizations if each.organization.id != pin}
    if pin and name not in taken and draw(st.booleans()):
        more["external_id"] = name
    others = [each.organization.id for each in world.organizations]
    children = draw(distinct([each for collection in live for each in collection]))
    return build.organization(
        name,
        id_=pin,
        connections=draw(st.none() | declared_connections(live[0], org=number)),
        directories=draw(st.none() | declared_directories(live[1], org=number)),
        ownership=draw(st.sampled_from([Ownership.FULL, Ownership.FULL, *Ownership])),
        suspend=draw(st.sampled_from([None, None, None, "later"])),
        distinct_from=children | frozenset(draw(st.lists(st.sampled_from(others), max_size=3)) if others else ()),
        setup_link=draw(st.sampled_from([None, build.SAML_LINK])),
        **more,
    )


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Desired, Observed]:
    """A folder that passes all checks, and a live environment that knows much of it already."""
    world = draw(observed())
    names = draw(st.lists(st.sampled_from(HANDLES), unique=True))
    pins = _pins(draw, len(names), [each.organization.id for each in world.organizations])
    owner = draw(st.lists(st.integers(0, len(names)), min_size=len(DOMAINS), max_size=len(DOMAINS)))
    wanted = [
        draw(
            _declared_organization(
                name, pins[number], [d for d, who in zip(DOMAINS, owner, strict=True) if who == number], world
            )
        )
        for number, name in enumerate(names)
    ]
    return build.desired(
        *wanted, complete=draw(st.sampled_from([True, True, True, False])), forbid_shared=draw(st.booleans())
    ), world


@st.composite
def moved_primaries(draw: st.DrawFn) -> tuple[Desired, Observed]:
    """One organization in git's care whose live children are known to git, while their primaries move."""
    number = draw(st.integers(1, 3))
    entities = [f"e{each}" for each in range(number)]
    holder = draw(st.sampled_from([None, *range(number)]))
    seen, declared = [], []
    primaries = _primaries(draw, number + 1)
    for each, entity in enumerate(entities):
        shown = {"entity": entity} | draw(idp(cleared=False))
        seen.append(build.live_connection(each, primary=each == holder, **shown))
        pin = build.conn_id(each) if draw(st.booleans()) else None
        stated = {key: value for key, value in shown.items() if key == "entity" or draw(st.booleans())}
        stated |= draw(idp(cleared=pin is not None)) if draw(st.booleans()) else {}
        if draw(st.integers(0, 5)):
            declared.append(build.connection("abc"[each], id_=pin, primary=primaries[each], **stated))
    if draw(st.booleans()):
        declared.append(build.connection("new", entity="new", primary=primaries[-1]))
    directories = draw(live_directories(max_size=2))
    wanted = build.organization(
        "acme",
        connections=draw(st.permutations(declared)),
        directories=draw(declared_directories(directories)),
        ownership=draw(st.sampled_from([Ownership.FULL, Ownership.FULL, Ownership.FULL, *Ownership])),
    )
    return build.desired(wanted), build.observed(build.live(1, "acme", connections=seen, directories=directories))


@st.composite
def moved_domains(draw: st.DrawFn) -> tuple[Desired, Observed]:
    """Organizations that are all known to git, or new, between which domains move."""
    spellings = [*DOMAINS, DOMAINS[0].upper(), " " + DOMAINS[1]]
    handles = ("acme", "globex", "initech", "umbrella")
    seen = [
        build.live(number, handle, domains=draw(st.lists(st.sampled_from(spellings), unique=True, max_size=3)))
        for number, handle in enumerate(handles)
        if draw(st.integers(0, 4))
    ]
    owner = draw(st.lists(st.sampled_from(handles), min_size=len(DOMAINS), max_size=len(DOMAINS)))
    stated = {
        handle: {"domains": tuple(sorted(d for d, who in zip(DOMAINS, owner, strict=True) if who == handle))}
        for handle in handles
    }
    wanted = [
        build.organization(
            handle,
            display_name=handle,
            distinct_from=[each.organization.id for each in seen],
            suspend=draw(st.sampled_from([None] * 7 + ["later"])),
            **(stated[handle] if draw(st.integers(0, 7)) else {}),
        )
        for handle in handles
        if draw(st.integers(0, 7))
    ]
    return build.desired(*wanted), build.observed(*seen)


def all_worlds() -> st.SearchStrategy[tuple[Desired, Observed]]:
    """Worlds of every kind."""
    return st.one_of(worlds(), moved_primaries(), moved_domains())
