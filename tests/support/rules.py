"""The rules that the code can give, read from its source, so that a new one cannot be forgotten."""

from __future__ import annotations

import ast
import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent.parent / "reconciler"
RULE = re.compile(r"\b[a-z]+(?:-[a-z]+)?/[a-z][a-z0-9-]*\b")
# which function gives a rule without its family, and what that is
FAMILIES = {
    ("yaml.py", "_report"): ("yaml",),
    ("yaml.py", "_lose"): ("yaml",),
    ("yaml.py", "_refuse"): ("yaml",),
    ("metadata.py", "_Unfit"): ("metadata",),
    ("snapshot.py", "_Unfit"): ("file", "reference"),
}


def rules() -> set[str]:
    """Every rule that the code can give, found where it is given."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if RULE.fullmatch(node.value) else set()
            elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                families = FAMILIES.get((path.name, name), ())
                found |= {f"{family}/{node.args[0].value}" for family in families}
    return {rule for rule in found if not rule.startswith(("reconciler/", "text/", "application/"))}
