"""Manifests become Desired: which documents may be used, what they declare, where they contradict each other."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from msgspec import Struct

from reconciler.core.manifests import conflicts as clashes
from reconciler.core.manifests import environment
from reconciler.core.manifests.identity import Identity, identify
from reconciler.core.manifests.organization import Context, declare, inspect
from reconciler.core.manifests.rules import MAX_ITEMS, mapping
from reconciler.core.values import domain
from reconciler.core.values.problems import Budget, Fault
from reconciler.model.manifest import Document, Manifests, Origin, Problem, Severity
from reconciler.model.settings import STRICT, DomainRules
from reconciler.model.state import Desired, DesiredEnvironment, DesiredOrganization, InvalidOrganization

Errors = Mapping[int, list[Problem]]  # by index of the document


class Resolution(Struct, frozen=True):
    """All problems, in order of place, and what can be used in spite of them.

    `desired` is None while the folder as a whole may not be used: its Environment is missing, doubled or
    broken, or it holds no organization; `fatal` are the problems that make it so.
    """

    desired: Desired | None
    problems: tuple[Problem, ...]
    fatal: tuple[Problem, ...] = ()


def resolve(
    manifests: Manifests,
    problems: Sequence[Problem],
    *,
    now: float,
    allow_empty: bool,
    rules: DomainRules = STRICT,
) -> Resolution:
    """What a folder declares. `problems` are those found so far, its own and of schemas; `now` is in Unix seconds.

    A document with an error, in a file that could not be parsed to its end, or in a clash is not applied: it
    stands among `invalid` with as much of its identity as can be read.
    """
    documents = manifests.documents
    earlier = _by_document(documents, [each for each in problems if each.severity is Severity.ERROR])
    chosen, misplaced = environment.find([each for each in documents if _is_environment(each)])
    settings = _settings(chosen, manifests, earlier, rules)
    organizations = [index for index, each in enumerate(documents) if not _is_environment(each)]

    sound = [index for index in organizations if not any(_of(each, "schema") for each in earlier[index])]
    budget = Budget()
    context = Context(settings or environment.UNKNOWN, manifests.attachments, now, budget=budget)
    declared = {index: declare(documents[index], context) for index in sound}
    later = [(index, problem) for index in sound for problem in declared[index][1]]
    later += [
        (index, problem)
        for index in organizations
        if index not in declared
        for problem in inspect(documents[index], context)
    ]
    later += clashes.find(partial(_claims, documents, organizations, context.environment), documents, budget)

    unread = {problem.origin for problem in problems if _of(problem, "reference")}
    fresh = [problem for _, problem in later if not (_of(problem, "reference") and problem.origin in unread)]
    about_folder = _about_folder(manifests, misplaced, organizations, allow_empty=allow_empty)
    if chosen and settings:
        about_folder += environment.without_effect(chosen, rules)
    ordered = tuple(sorted((*problems, *fresh, *about_folder), key=_place))

    faulty = {index: list(earlier[index]) for index in organizations}
    for index, problem in later:
        if problem.severity is Severity.ERROR:
            faulty[index].append(problem)
    if settings is None or any(problem.severity is Severity.ERROR for problem in about_folder):
        return Resolution(None, ordered, _fatal(ordered, chosen, about_folder, manifests))
    usable = {index: wanted for index, (wanted, _) in declared.items()}
    return Resolution(_desired(manifests, settings, usable, faulty), ordered)


def _desired(
    manifests: Manifests,
    settings: DesiredEnvironment,
    declared: Mapping[int, DesiredOrganization],
    faulty: Mapping[int, list[Problem]],
) -> Desired:
    documents, invalid, certain = manifests.documents, [], not manifests.unparsed
    good = []
    for index, errors in faulty.items():
        if not errors and documents[index].origin.file not in manifests.unparsed:
            good.append(declared[index])
            continue
        identity = identify(documents[index].value)
        certain = certain and identity.certain
        invalid.append(_invalid(documents[index], identity, errors))
    return Desired(
        environment=settings,
        organizations=tuple(sorted(good, key=lambda each: each.name)),
        invalid=tuple(invalid),
        complete=certain,
        revision=manifests.revision,
        unparsed=manifests.unparsed,
    )


def _invalid(document: Document, identity: Identity, errors: Sequence[Problem]) -> InvalidOrganization:
    first = min(errors, key=_place, default=None)
    message = f"{first.origin}: {first.message}" if first else "its file cannot be parsed to the end"
    if len(errors) > 1:
        message += f" (and {len(errors) - 1} more; see `reconciler validate`)"
    stated = mapping(document.value, "spec").get("domains")
    items = stated[: MAX_ITEMS["domains"]] if isinstance(stated, list) else []
    domains = tuple(each for each in items if isinstance(each, str) and len(each) <= domain.MAX_LENGTH)
    return InvalidOrganization(identity.name, identity.id, identity.external_id, message, document.origin, domains)


def _by_document(documents: Sequence[Document], errors: Sequence[Problem]) -> Errors:
    """Which document each error stands in: the last one of its file that begins before it."""
    starts: dict[str, list[tuple[int, int]]] = {}
    for index, document in enumerate(documents):
        starts.setdefault(document.origin.file, []).append((document.origin.line, index))
    found: dict[int, list[Problem]] = {index: [] for index in range(len(documents))}
    for error in errors:
        within = starts.get(error.origin.file)
        if within:
            position = bisect_right(within, (error.origin.line, len(documents))) - 1
            found[within[max(position, 0)][1]].append(error)
    return found


def _settings(
    chosen: Document | None, manifests: Manifests, errors: Errors, rules: DomainRules
) -> DesiredEnvironment | None:
    if chosen is None or chosen.origin.file in manifests.unparsed:
        return None
    index = next(index for index, each in enumerate(manifests.documents) if each is chosen)
    return None if errors[index] else environment.declare(chosen, rules)


def _claims(
    documents: Sequence[Document], organizations: Sequence[int], settings: DesiredEnvironment
) -> Iterator[clashes.Claim]:
    for index in organizations:
        value = documents[index].value
        spec = mapping(value, "spec")
        yield from clashes.of_identity(index, identify(value), stated="externalId" in spec)
        yield from clashes.of_spec(index, spec, forbid_shared=settings.forbid_shared)


def _about_folder(
    manifests: Manifests, misplaced: Sequence[Problem], organizations: Sequence[int], *, allow_empty: bool
) -> list[Problem]:
    """What is wrong with the folder as a whole, less what a file that cannot be parsed may explain."""
    missing = not any(_is_environment(each) for each in manifests.documents)
    explained = any("/" not in file for file in manifests.unparsed)  # it belongs to the root
    found = [] if missing and explained else list(misplaced)
    if not organizations and not allow_empty and not manifests.unparsed:
        found.append(_NO_ORGANIZATION.at(environment.FOLDER))
    return found


def _fatal(
    problems: Sequence[Problem], chosen: Document | None, about_folder: Sequence[Problem], manifests: Manifests
) -> tuple[Problem, ...]:
    """What keeps the folder from being used: its own faults, else those of the file that its Environment is in."""
    own = tuple(each for each in about_folder if each.severity is Severity.ERROR)
    files = {chosen.origin.file} if chosen else manifests.unparsed
    return own or tuple(p for p in problems if p.severity is Severity.ERROR and p.origin.file in files)


def _is_environment(document: Document) -> bool:
    return isinstance(document.value, dict) and document.value.get("kind") == environment.KIND


def _place(problem: Problem) -> tuple[Origin, str]:
    return problem.origin, problem.rule


def _of(problem: Problem, family: str) -> bool:
    return problem.rule.startswith(f"{family}/")


_NO_ORGANIZATION = Fault(
    "organization/none",
    "there is no organization in this folder",
    "name the folder that has them; if none is meant, say --allow-empty",
)
