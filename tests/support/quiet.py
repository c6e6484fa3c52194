"""Runs a command line with both outputs caught, where a fixture would be shared by all of hypothesis' examples."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NamedTuple

from reconciler.cli.main import run


class Done(NamedTuple):
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; anything more or less is an error."""
        return json.loads(self.out)


def ended(*arguments: str) -> Done:
    """The end of a command line that needs no API."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with redirect_stdout(out), redirect_stderr(err):
        code = run(list(arguments))
    texts = []
    for stream in (out, err):
        stream.flush()
        stream.seek(0)
        texts.append(stream.read())
    assert "Traceback" not in texts[0] + texts[1]
    return Done(code, texts[0], texts[1])
