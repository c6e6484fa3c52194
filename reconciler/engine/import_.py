"""Writes manifests for what is live and in none, each file whole and none over another, and checks their plan."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from msgspec import structs

from reconciler.core.adopting.importing import SCHEMAS, Folder, Wish, compose, environment_manifest
from reconciler.core.adopting.inventory import named
from reconciler.core.planning.guard import NOTHING_MATCHES, refusals
from reconciler.core.planning.plan import plan
from reconciler.engine import pin
from reconciler.engine.load import load_partly
from reconciler.engine.runtime import Runtime
from reconciler.engine.selection import check_name
from reconciler.engine.survey import survey
from reconciler.model.change import Pin
from reconciler.model.errors import SourceError, UsageError, WrongEnvironment
from reconciler.model.event import Watch
from reconciler.model.importing import File, Imported, Verdict
from reconciler.model.kinds import KindName
from reconciler.model.settings import EnvironmentSettings
from reconciler.model.state import Desired, Observed, Ownership
from reconciler.source import files, schemas

THERE_ALREADY = "{} is there already, and nothing is overwritten: move it away"


async def import_(
    environment: EnvironmentSettings, wish: Wish, targets: tuple[str, ...], runtime: Runtime, watch: Watch
) -> Imported:
    """Everything live that no manifest claims, or the `targets` of it, as manifests in the environment's folder.

    What was written stays whatever happens, each file whole; the next import goes on from there.

    Raises:
        SourceError: the folder is none, or holds manifests that cannot be used.
        UsageError: a target is not live, or several are called so.
        ApiError: the live environment cannot be read whole.
        WrongEnvironment: the live environment is not that of the folder.
        ReconcilerError: a file cannot be written.
    """
    desired = await runtime.aside(lambda: existing(environment, runtime.now()))
    observed = await survey(environment, desired, runtime, watch)
    if desired:
        _check_same_environment(desired, observed, runtime)
    wish = structs.replace(wish, only=_only(targets, desired, observed))
    folder = Folder(_names(environment.manifests), desired, environment.domains)
    imported = compose(observed, folder, wish, runtime.now())
    if wish.dry_run or not observed.environment_id:
        return imported
    return await runtime.aside(lambda: _write(environment, desired, observed, imported, wish, runtime.now()))


def existing(environment: EnvironmentSettings, now: float) -> Desired | None:
    """What the folder declares; None if it has no manifests, or is not there yet. Raises SourceError."""
    folder = Path(environment.manifests)
    if folder.exists() and not folder.is_dir():
        raise SourceError(f"{folder} is not a folder", "Name the folder in which manifests are to be written.")
    if not any(name.endswith((".yaml", ".yml")) for _, _, names in os.walk(folder) for name in names):
        return None
    loaded = load_partly(environment.manifests, now=now, allow_empty=True, rules=environment.domains)
    if loaded.desired is None or not loaded.desired.complete:
        raise SourceError(
            f"{folder} has files that cannot be used, so it is not known what they claim",
            f"See `reconciler validate {folder}`, or name another folder.",
        )
    check_name(environment.name, environment.manifests, loaded.desired)
    return loaded.desired


def _check_same_environment(desired: Desired, observed: Observed, runtime: Runtime) -> None:
    """WrongEnvironment if the folder is unpinned, and nothing of much that it declares is live."""
    refused = list(refusals(plan(desired, observed, runtime.now()), {}, None))
    wrong = next((each for each in refused if each.rule == NOTHING_MATCHES), None)
    if wrong:
        raise WrongEnvironment(f"wrong environment: {wrong.message}", "Nothing was written.")


def _only(targets: tuple[str, ...], desired: Desired | None, observed: Observed) -> frozenset[str] | None:
    live = [each.organization for each in observed.organizations]
    found = set()
    for target in targets:
        meant = named(target, desired, live)
        if len(meant) != 1:
            ids = ", ".join(each.id for each in meant)
            what = f"means several live organizations: {ids}" if meant else "is no live organization"
            raise UsageError(
                f"{target!r} {what}", "`reconciler list` shows what is live; an id is always certain."
            )
        found.add(meant[0].id)
    return frozenset(found) if targets else None


def _names(folder: str) -> tuple[str, ...]:
    """The names of the files in the folder itself, without their endings."""
    path = Path(folder)
    return tuple(each.name.partition(".")[0] for each in path.iterdir()) if path.is_dir() else ()


# -- writing -----------------------------------------------------------------------------------------


def _write(  # noqa: PLR0913, PLR0917 what writing takes
    environment: EnvironmentSettings,
    desired: Desired | None,
    observed: Observed,
    imported: Imported,
    wish: Wish,
    now: float,
) -> Imported:
    """First what every manifest needs, then one organization after another."""
    folder = Path(environment.manifests)
    for kind in schemas.MANIFEST_KINDS.values():
        files.create(folder / SCHEMAS / f"{kind}.schema.json", schemas.text(kind).encode())
    _keep_environment(folder, desired, imported)
    whys = files.side_by_side(lambda each: _kept(folder, each.files), imported.adopted)
    adopted = tuple(structs.replace(each, why=why) for each, why in zip(imported.adopted, whys, strict=True))
    missing = sum(bool(each.why) for each in adopted)
    done = structs.replace(
        imported, adopted=adopted, left=imported.left + missing, in_git=imported.in_git - missing
    )
    return _checked(environment, observed, done, wish, now)


def _keep_environment(folder: Path, desired: Desired | None, imported: Imported) -> None:
    id_ = imported.environment_id or ""
    if desired is None:
        file = environment_manifest(imported.environment, id_)
        files.create(folder / file.path, file.text.encode())
    elif desired.environment.id is None:
        origin = desired.environment.origin
        own = Pin(KindName.ENVIRONMENT, desired.environment.name, desired.environment.name, id_, origin)
        pin.write(str(folder), desired, (own,), pin.versions(str(folder)))


def _kept(folder: Path, wanted: tuple[File, ...]) -> str:
    """Why one of the files could not be made; "" if all are there."""
    for file in wanted:
        path, data = folder / file.path, file.text.encode()
        if not files.create(path, data) and not (path.is_file() and path.read_bytes() == data):
            return THERE_ALREADY.format(path)
    return ""


# -- the check ---------------------------------------------------------------------------------------


def _checked(
    environment: EnvironmentSettings, observed: Observed, imported: Imported, wish: Wish, now: float
) -> Imported:
    """With what the manifests, read again from the disk, are seen to plan."""
    written = {each.name for each in imported.adopted if not each.why}
    loaded = load_partly(environment.manifests, now=now, allow_empty=True, rules=environment.domains)
    if loaded.desired is None:
        surprises = [f"{each.origin}: {each.message}" for each in loaded.fatal]
        return structs.replace(imported, verdict=Verdict.OTHER, surprises=tuple(surprises))
    made = plan(loaded.desired, observed, now, lambda wanted: wanted.name in written)
    expected = {
        oddity.plans
        for each in imported.adopted
        if not each.why and wish.ownership is not Ownership.OBSERVE
        for oddity in each.oddities
        if oddity.plans
    }
    planned = {change.key for change in made.changes}
    surprises = [
        *(f"{each.organization}: {each.message}" for each in made.blocked if each.organization in written),
        *(f"{key.organization} {key.name}: a change that was not meant" for key in sorted(planned - expected)),
        *(f"{key.organization} {key.name}: the sound value plans nothing" for key in sorted(expected - planned)),
        *_unpinned(loaded.desired, written),
    ]
    verdict = Verdict.OTHER if surprises else Verdict.NORMALISATIONS if expected else Verdict.EMPTY
    return structs.replace(imported, verdict=verdict, surprises=tuple(surprises))


def _unpinned(desired: Desired, written: set[str]) -> Iterator[str]:
    """The written manifests that are not there, or that something without a pin is in."""
    declared = {each.name: each for each in desired.organizations}
    for name in sorted(written):
        wanted = declared.get(name)
        children = [child for each in wanted.collections.values() for child in each] if wanted else []
        if wanted is None or wanted.id is None or not all(child.id for child in children):
            yield f"{name}: it is not declared and pinned"
