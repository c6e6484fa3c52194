"""Says which organizations a change of the folder is about, so that only these need to be planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reconciler.model.since import Declared, Since


def since(
    base: str,
    changed: Iterable[str],
    before: Sequence[Declared],
    now: Sequence[Declared],
    references: Mapping[str, Iterable[str]],
) -> Since:
    """Return what the change since the commit `base` touches.

    `changed` are all changed files, `before` and `now` what the manifests among them declare; `references` has the
    organizations that refer to each file. A manifest that was only moved is not touched.
    """
    earlier = {each.name: each for each in before}
    files = frozenset(changed)
    touched = {each.name for each in now if not _same(each, earlier.get(each.name))}
    touched.update(name for file in files for name in references.get(file, ()))
    manifests = frozenset(each.file for each in (*before, *now))
    return Since(base=base, touched=frozenset(touched), before=tuple(before), files=manifests & files)


def _same(now: Declared, before: Declared | None) -> bool:
    if before is None:
        return False
    return (now.content, now.attachments) == (before.content, before.attachments)
