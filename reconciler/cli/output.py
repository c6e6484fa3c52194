"""Prints results to stdout and notes, questions and errors to stderr."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TextIO, TypeVar, cast

from reconciler.core.values.redaction import escaped
from reconciler.model.errors import ApiError, ReconcilerError
from reconciler.model.settings import ApiSettings
from reconciler.render.formats import TEXT, Format, Rendered
from reconciler.render.style import Style, fitted
from reconciler.source.files import write
from reconciler.source.revision import work_tree

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

F = TypeVar("F", bound=Format)
P = ParamSpec("P")
R = TypeVar("R")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
_begun = [False]  # whether the one document is on its way: a second one must never follow it
_files: list[tuple[Format, str]] = []  # what is still to be written beside it, and where


def begin(files: Iterable[tuple[Format, str]] = ()) -> None:
    """A command starts: nothing was printed yet. `files` get the same as stdout, each in its format."""
    _begun[0] = False
    _files[:] = files


def result(words: str) -> None:
    """What was asked for, as text."""
    _write(sys.stdout, words)


def print_result(form: F, render: Callable[[F, Style], Rendered], folder: str = "") -> None:
    """What was asked for, in the chosen format; `folder` stands before file names."""
    rendered = render(form, style(folder))
    _begun[0] = form.document
    _write(sys.stdout, rendered)
    _write_files(lambda form, look: render(cast("F", form), look), folder)


def print_instead(form: Format, render: Callable[[Format, Style], Rendered], folder: str = "") -> None:
    """What kept a command from its result: the one document of stdout, or else text on stderr."""
    if form.document and not _begun[0]:
        print_result(form, render, folder)
    else:
        tell(lambda look: render(TEXT, look), folder)
        _write_files(render, folder)


def _write_files(render: Callable[[Format, Style], Rendered], folder: str) -> None:
    """Writes each file once: what comes first is the result."""
    while _files:
        form, path = _files.pop(0)
        rendered = render(form, Style(folder=folder, repository=_in_repository(folder)))
        write(
            Path(path), rendered if isinstance(rendered, bytes) else rendered.encode("utf-8", "backslashreplace")
        )


def _in_repository(folder: str) -> str:
    """The folder's path as the platforms want it: from the root of its work tree, else from where we are."""
    if not folder or "\0" in folder:
        return ""
    real = os.path.realpath(folder)
    below = os.path.relpath(real, work_tree(real) or Path.cwd())
    return folder if below.startswith("..") else below.removeprefix(".")


def note(words: str) -> None:
    """Prints a short note for a person."""
    _note(fitted(escaped(words), _columns(sys.stderr)) + "\n")


def tell(words: Callable[[Style], Rendered], folder: str) -> None:
    """Prints a longer text for a person, while stdout has the document."""
    _note(words(style(folder, sys.stderr)))


def _note(words: Rendered) -> None:
    # a closed stderr is no reason to fail
    with contextlib.suppress(OSError, ReconcilerError):
        _write(sys.stderr, words)


def _write(stream: TextIO, rendered: Rendered) -> None:
    """Writes all of it or raises ReconcilerError; if the reader left (`| head`), the command goes on silently."""
    data = rendered
    if isinstance(data, str):
        data = data.encode(stream.encoding or "utf-8", "backslashreplace")
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
    """Drops what is still to be written to that stream, also at exit of the interpreter."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def is_terminal() -> bool:
    """Whether a person can be asked for confirmation."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr.isatty())


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


def at_once(work: Callable[P, R]) -> Callable[P, R]:
    """The work, which Ctrl-C ends in the middle: however long a hostile folder takes, nobody waits for it."""

    def interruptible(*arguments: P.args, **more: P.kwargs) -> R:
        with asking():
            return work(*arguments, **more)

    return interruptible


def show_traceback(error: Exception) -> None:
    """Prints the traceback of an internal error if RECONCILER_TRACEBACK=1."""
    if os.environ.get("RECONCILER_TRACEBACK") == "1":
        import traceback  # noqa: PLC0415 for developers alone

        _note(escaped_lines("".join(traceback.format_exception(error))))


def escaped_lines(text: str) -> str:
    """The text, line by line without secrets and control characters."""
    return "".join(f"{escaped(line)}\n" for line in text.splitlines())


def style(folder: str = "", stream: TextIO | None = None) -> Style:
    """Colours on a terminal, unless NO_COLOR; FORCE_COLOR forces them."""
    shown_on = stream or sys.stdout
    forced, refused = os.environ.get("FORCE_COLOR") not in {None, "", "0"}, os.environ.get("NO_COLOR")
    terminal = shown_on.isatty() and os.environ.get("TERM") != "dumb"
    colour = not refused and (forced or terminal)
    shown = folder.rstrip("/") or folder
    return Style(colour=colour, folder=shown, columns=_columns(shown_on), repository=_in_repository(folder))


def _columns(stream: TextIO) -> int | None:
    """A terminal's width; None where lines may be of any length."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def failed(error: ReconcilerError, form: Format) -> int:
    """Prints the error in the chosen format; returns its exit code."""
    with contextlib.suppress(ReconcilerError):  # stdout may be what failed
        print_instead(form, lambda form, look: form.error(error, look))
    return error.exit_code


READ_ONLY = "Nothing was written. Try again, or check the server."


@contextlib.contextmanager
def advising(api: ApiSettings | None, advice: str = READ_ONLY) -> Iterator[None]:
    """Adds the address, and the advice if there is no other, to the hint of an ApiError."""
    try:
        yield
    except ApiError as error:
        where = f"The address is {api.url}." if api else ""
        error.hint = " ".join(part for part in (error.hint or advice, where) if part)
        raise


def on_signals(loop: AbstractEventLoop, act: Callable[[], None]) -> None:
    """From now on Ctrl-C and SIGTERM only call `act` in that loop, until the process ends.

    The loop's own handlers would go with the loop, before the report is printed.
    """

    def handle(*_: object) -> None:
        if not loop.is_closed():
            loop.call_soon_threadsafe(act)

    for number in SIGNALS:
        signal.signal(number, handle)


def leave(code: int) -> NoReturn:
    """Ends the process; further signals are ignored, so that they cannot change the exit code."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)
