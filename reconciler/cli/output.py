"""Puts results on stdout and words about them on stderr, whatever became of the command."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from reconciler.model.errors import ReconcilerError
from reconciler.render import json, text
from reconciler.render.words import escaped

FIRST_WINS = (5, 3, 1, 8, 7, 6, 4, 2, 0)  # of several exit codes that hold, the first of these is it


def exit_code(*codes: int) -> int:
    """The one exit code for several findings."""
    return next(code for code in FIRST_WINS if code in codes or code == 0)


def result(words: str) -> None:
    """What was asked for."""
    sys.stdout.write(words)
    sys.stdout.flush()


def note(words: str) -> None:
    """What a person may want to know beside it."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def style(folder: str = "") -> text.Style:
    """Colours on a terminal, unless NO_COLOR; FORCE_COLOR forces them."""
    forced, refused = os.environ.get("FORCE_COLOR"), os.environ.get("NO_COLOR")
    colour = bool(forced) or (not refused and sys.stdout.isatty() and os.environ.get("TERM") != "dumb")
    return text.Style(colour=colour, folder=folder.rstrip("/"))


def failed(error: ReconcilerError, output: str) -> int:
    """Says what went wrong, in the asked format; returns the exit code."""
    if output == "json":
        result(json.dumps(json.error(error)))
    else:
        note(f"error: {escaped(error.message)}")
        if error.hint:
            note(f"  {escaped(error.hint)}")
    return error.exit_code


def leave(code: int) -> NoReturn:
    """Ends the process."""
    sys.exit(code)
