"""What `import` made, as text for people and as a document for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.core.values.redaction import escaped
from reconciler.model.importing import Adopted, Imported, Verdict
from reconciler.render.style import PLAIN, Style
from reconciler.render.words import count

API_VERSION = "reconciler/v1"
_MAX_LINES = 20  # of each sort; JSON has all
_VERDICTS = {
    Verdict.EMPTY: "Their plan is empty.",
    Verdict.NORMALISATIONS: "Their plan is exactly the changes marked ~ above.",
    Verdict.OTHER: "Their plan is not empty, which is a fault of this program:",
}


def imported(imported: Imported, style: Style = PLAIN) -> str:
    """Each oddity and each organization without a manifest, then the counts, then what their plan is."""
    there = [each for each in imported.adopted if not each.why]
    oddities = [
        f"{'~' if oddity.plans else '!'} {each.name}  {oddity.path}  {escaped(oddity.message)}"
        for each in there
        for oddity in each.oddities
    ]
    failed = [(each.id, each.why) for each in imported.skipped]
    failed += [(each.id, each.why) for each in _failed(imported)]
    lines = [
        *_some(oddities, "oddities"),
        *_some([f"x {id_}  {escaped(why)}" for id_, why in failed], "organizations"),
        _written(there, dry_run=imported.dry_run),
    ]
    if oddities:
        planned = sum(bool(oddity.plans) for each in there for oddity in each.oddities)
        kinds = ((len(oddities) - planned, "left out"), (planned, "put right"))
        told = ", ".join(f"{number:,} {what}" for number, what in kinds if number)
        lines.append(f"{count(len(oddities), 'oddity', 'oddities')}: {told}; a comment in the manifest says why.")
    if imported.verdict in _VERDICTS:
        lines += [_VERDICTS[imported.verdict], *(f"  {escaped(each)}" for each in imported.surprises)]
    are = "would be" if imported.dry_run else "are"
    lines.append(f"{imported.in_git:,} of {imported.in_git + imported.left:,} {are} in git.")
    return style.joined(lines)


def _written(there: Sequence[Adopted], *, dry_run: bool) -> str:
    certificates = sum(len(each.files) - 1 for each in there)
    beside = f" and {count(certificates, 'certificate')}" if certificates else ""
    children = count(
        sum(each.children for each in there), "connection or directory", "connections and directories"
    )
    verb = "would be written" if dry_run else "written"
    return f"{count(len(there), 'manifest')}{beside} {verb}, with {children}."


def _failed(imported: Imported) -> list[Adopted]:
    return [each for each in imported.adopted if each.why]


def _some(lines: list[str], plural: str) -> list[str]:
    more = len(lines) - _MAX_LINES
    rest = [f"… {more:,} more {plural}: `--output json` has all"] if more > 0 else []
    return [*lines[:_MAX_LINES], *rest]


def imported_document(imported: Imported) -> dict[str, Any]:
    """As import.schema.json has it."""
    return {
        "apiVersion": API_VERSION,
        "kind": "Import",
        "environment": imported.environment,
        "environmentId": imported.environment_id,
        "dryRun": imported.dry_run,
        "summary": {
            "written": 0 if imported.dry_run else len(imported.adopted) - len(_failed(imported)),
            "oddities": sum(len(each.oddities) for each in imported.adopted),
            "failed": len(imported.skipped) + len(_failed(imported)),
            "inGit": imported.in_git,
            "left": imported.left,
        },
        "plan": imported.verdict,
        "surprises": list(imported.surprises),
        "organizations": [
            {
                "id": each.id,
                "name": each.name,
                "displayName": each.display_name,
                "files": [file.path for file in each.files],
                "oddities": [
                    {"path": oddity.path, "message": oddity.message, "normalised": oddity.plans is not None}
                    for oddity in each.oddities
                ],
                "error": each.why or None,
            }
            for each in imported.adopted
        ],
        "skipped": [{"id": each.id, "error": each.why} for each in imported.skipped],
    }
