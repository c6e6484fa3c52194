"""A made-up output format."""

from __future__ import annotations

import os
from pathlib import Path

from tests.additions.stage import Addition, Stage
from tests.support.quiet import ended

MODULE = r'''"""Names what is shown, and the folder that it is about."""

from reconciler.render.style import Style


def named(kind):
    return lambda _, style: f"{kind} in {style.folder}\n".encode()
'''
ROW = """
MADE_UP = Format("made-up", "nobody", named("plan"), named("report"), named("validation"), named("error"))
"""


def check(stage: Stage) -> None:
    """Whatever becomes of a command, stdout has what the format makes of it, and nothing is on stderr."""
    from tests.docs import test_commands  # noqa: PLC0415 of the copy alone

    stage.declare("new", "displayName: New")
    folder = str(stage.folder)
    assert _shown("validate", folder) == "validation in made-up\n"
    assert _shown("plan", folder) == "plan in made-up\n"
    assert _shown("apply", folder, "--yes") == "report in made-up\n"
    assert _shown("plan", "nowhere", code=8) == "error in \n"
    assert _shown("plan", "--no-such-flag", code=64) == "error in \n"
    assert _shown("show", "new", code=64) == "error in \n", "it has no form for a customer"
    stage.write("new.yaml", "x: [")
    assert _shown("plan", folder, code=8) == "validation in made-up\n"
    os.environ["UPDATE_GOLDEN"] = "1"
    test_commands.test_the_table_of_formats_is_the_codes_own()
    row = "| `made-up` | nobody | `validate`, `plan`, `apply` |"
    assert row in Path("docs/commands.md").read_text()


def _shown(*words: str, code: int = 0) -> str:
    done = ended(*words, "--output", "made-up")
    assert (done.code, done.err) == (code, ""), done
    return done.out


ADDITION = Addition(
    change="an output format",
    inserts={
        "reconciler/render/made_up.py": (("", MODULE),),
        "reconciler/render/formats.py": (
            ("from reconciler.render.style", "from reconciler.render.made_up import named\n"),
            ("\nFORMATS: ", ROW),
            ("*_PLATFORMS)}", "MADE_UP, "),
        ),
    },
    check=check,
)
