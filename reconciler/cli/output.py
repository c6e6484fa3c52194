"""Puts results on stdout and words about them on stderr, whatever became of the command."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn, TextIO

from reconciler.model.errors import ApiError, ReconcilerError
from reconciler.model.settings import ApiSettings
from reconciler.render import json, text
from reconciler.render.words import escaped, fitted

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_begun = [False]  # whether a JSON document is on its way: a second one must never follow it


def begin() -> None:
    """A command starts with nothing said."""
    _begun[0] = False


def result(words: str) -> None:
    """What was asked for, as text."""
    _write(sys.stdout, words.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


def document(value: json.Document, *, secret: bool = False) -> None:
    """What was asked for, as JSON: the one document of this command."""
    encoded = json.dumps(value, secret=secret)
    _begun[0] = True
    _write(sys.stdout, encoded)


def note(words: str) -> None:
    """What a person may want to know beside it."""
    _note(fitted(escaped(words), _columns(sys.stderr)) + "\n")


def tell(words: Callable[[text.Style], str], folder: str) -> None:
    """A longer text for a person, while stdout is for something else."""
    _note(words(style(folder, sys.stderr)))


def _note(words: str) -> None:
    # where nobody listens any more, there is nobody to be told
    with contextlib.suppress(OSError, ReconcilerError):
        _write(sys.stderr, words.encode(sys.stderr.encoding or "utf-8", "backslashreplace"))


def _write(stream: TextIO, data: bytes) -> None:
    """All of it, or an error; a reader who left (`| head`) is none: the command goes on, its exit code holds."""
    try:
        stream.flush()
        stream.buffer.write(data)
        stream.buffer.flush()
    except BrokenPipeError:
        _discard(stream)
    except OSError as error:
        _discard(stream)
        raise ReconcilerError(
            f"cannot write the output: {error.strerror}", "Make room, or write elsewhere."
        ) from None


def _discard(stream: TextIO) -> None:
    """What is still to be written to that stream is dropped, also by the interpreter as it ends."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def confirmed(what: str) -> bool:
    """Whether a person types `yes`, and nothing less; without line editing, so that Ctrl-C ends it at once."""
    _note(f'Type "yes" to {what}: ')
    return sys.stdin.buffer.readline().strip() == b"yes"


@contextlib.contextmanager
def asking() -> Iterator[None]:
    """While it lasts Ctrl-C raises KeyboardInterrupt at once, also inside an event loop, which would wait."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)


def style(folder: str = "", stream: TextIO | None = None) -> text.Style:
    """Colours on a terminal, unless NO_COLOR; FORCE_COLOR forces them."""
    shown_on = stream or sys.stdout
    forced, refused = os.environ.get("FORCE_COLOR") not in {None, "", "0"}, os.environ.get("NO_COLOR")
    terminal = shown_on.isatty() and os.environ.get("TERM") != "dumb"
    colour = not refused and (forced or terminal)
    return text.Style(colour=colour, folder=folder.rstrip("/") or folder, columns=_columns(shown_on))


def _columns(stream: TextIO) -> int | None:
    """A terminal's width; None where lines may be of any length."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def failed(error: ReconcilerError, output: str) -> int:
    """Says what went wrong, in the asked format; returns the exit code."""
    if output == "json" and not _begun[0]:
        with contextlib.suppress(ReconcilerError):
            document(json.error(error))
    else:
        _note(text.failure(error, style(stream=sys.stderr)))
    return error.exit_code


READ_ONLY = "Nothing was written. Try again, or look at the server."


@contextlib.contextmanager
def advising(api: ApiSettings | None, advice: str = READ_ONLY) -> Iterator[None]:
    """An error of the API leaves with what to do next and with the address that was asked."""
    try:
        yield
    except ApiError as error:
        where = f"The address is {api.url}." if api else ""
        error.hint = " ".join(part for part in (error.hint or advice, where) if part)
        raise


def on_signals(loop: AbstractEventLoop, act: Callable[[], None]) -> None:
    """From now on to the end of the process, Ctrl-C and SIGTERM do this in that loop, and no more.

    The loop's own handlers would end with it, before what was done is told.
    """

    def handle(*_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(act)

    for number in SIGNALS:
        signal.signal(number, handle)


def leave(code: int) -> NoReturn:
    """Ends the process; whoever wants that too is not heard any more, so that the code stands."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)
