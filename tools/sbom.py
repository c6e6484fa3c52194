"""Lists what the locked requirements bring in: a bill of materials (CycloneDX), and NOTICE with their licences.

python tools/sbom.py OUT.json           the bill
python tools/sbom.py --notice NOTICE    the licences
"""

from __future__ import annotations

import json
import re
import sys
from importlib.metadata import PackageNotFoundError, metadata
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
LOCK = ROOT / "requirements.lock"
_PINNED = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
HEAD = (
    "ssoready-reconciler is under the MIT licence (LICENSE). Installed from requirements.lock, it comes with\n"
    "these, each under its own licence, whose text is in its distribution:\n\n"
)


class Package(NamedTuple):
    """A locked distribution, with the hashes of the files that may be installed."""

    name: str
    version: str
    licence: str
    hashes: tuple[str, ...]


def packages(lock: str) -> list[Package]:
    """Every package of a lock file."""
    found = list(_PINNED.finditer(lock))
    ends = [*(each.start() for each in found[1:]), len(lock)]
    return [
        Package(each[1], each[2], licence(each[1]), tuple(sorted(_HASH.findall(lock[each.start() : end]))))
        for each, end in zip(found, ends, strict=True)
    ]


def licence(name: str) -> str:
    """What an installed distribution says of its licence, in one line."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return "not installed here"
    stated = about.get("License-Expression") or ""
    classified = [
        each.rpartition(" :: ")[2] for each in about.get_all("Classifier", []) if each.startswith("License ::")
    ]
    text = stated or ", ".join(classified) or (about.get("License") or "").splitlines()[:1]
    return text if isinstance(text, str) else "".join(text)


def bill(found: list[Package], version: str) -> dict[str, Any]:
    """The bill as a CycloneDX 1.6 document; the same lock gives the same bytes."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "ssoready-reconciler",
                "version": version,
                "licenses": [{"license": {"id": "MIT"}}],
            }
        },
        "components": [
            {
                "type": "library",
                "name": each.name,
                "version": each.version,
                "purl": f"pkg:pypi/{each.name.lower()}@{each.version}",
                "licenses": [{"license": {"name": each.licence}}],
                "properties": [{"name": "sha256", "value": digest} for digest in each.hashes],
            }
            for each in found
        ],
    }


def notice(found: list[Package]) -> str:
    """The text of NOTICE: names and licences, no versions, so that it changes when a licence does."""
    width = max(len(each.name) for each in found)
    return HEAD + "".join(f"{each.name.ljust(width)}  {each.licence}\n" for each in found)


def main(arguments: list[str]) -> None:
    """Writes what was asked for."""
    sys.path.insert(0, str(ROOT))
    from reconciler import __version__  # noqa: PLC0415 it is not installed everywhere

    found = packages(LOCK.read_text())
    if arguments[0] == "--notice":
        Path(arguments[1]).write_text(notice(found))
        return
    out = Path(arguments[0])
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(bill(found, __version__), indent=2) + "\n")
    print(f"{out}: {len(found)} packages")


if __name__ == "__main__":
    main(sys.argv[1:])
