"""Says whether the locked requirements have known advisories; where that cannot be told, it says so and passes.

pip-audit leaves with 0 where its database knows nothing and every package was passed over: its document decides.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SECONDS = 120
SKIPPED = "audit: SKIPPED, nothing is known:"


def verdict(document: Any) -> tuple[int, str]:
    """The exit code and a sentence, for what pip-audit wrote; None for nothing."""
    found = document.get("dependencies", []) if isinstance(document, dict) else []
    if not found:
        return 0, f"{SKIPPED} the advisory database cannot be reached"
    passed_over = [each["name"] for each in found if "skip_reason" in each]
    advised = [
        f"{each['name']} {each['version']}: {', '.join(each_['id'] for each_ in each['vulns'])}"
        for each in found
        if each.get("vulns")
    ]
    if advised:
        return 1, "audit: known advisories:\n  " + "\n  ".join(advised)
    if len(passed_over) == len(found):
        return 0, f"{SKIPPED} the advisory database knows none of the {len(found)} packages"
    if passed_over:
        return 1, f"audit: not every package was looked at: {', '.join(passed_over)}"
    return 0, f"audit: {len(found)} packages, no known advisories"


def audit(lock: Path) -> tuple[int, str]:
    """The verdict on a lock file."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "audit.json"
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes", "-r", str(lock)]
        command += ["--format", "json", "--output", str(out), "--progress-spinner", "off"]
        try:
            subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
            return verdict(json.loads(out.read_text()))
        except (OSError, subprocess.SubprocessError, ValueError):
            return verdict(None)


def main() -> int:
    """Audits every lock; the worst code counts."""
    worst = 0
    for lock in sorted(ROOT.glob("requirements*.lock")):
        code, said = audit(lock)
        print(f"{lock.name}: {said}")
        worst = max(worst, code)
    return worst


if __name__ == "__main__":
    sys.exit(main())
