"""Makes a reconciler process in a few milliseconds, by forking from one that has loaded everything already.

Each child is a process of its own that runs the whole command line, so it can be killed for real. Orders come as
lines of JSON on stdin: `argv`, `env`, the file for its output, and where in its file writes it shall die.
"""

from __future__ import annotations

import json
import os
import signal
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reconciler.delivery import directory

WRITING = (
    ("mkdir", os, "mkdir"),
    ("create", directory, "_created"),
    ("reserve", os, "posix_fallocate"),
    ("flush", os, "fsync"),
    ("rename", os, "rename"),
)


def preload() -> None:
    import reconciler.cli.main  # noqa: PLC0415
    import reconciler.cli.passes  # noqa: PLC0415
    import reconciler.cli.serve  # noqa: PLC0415
    import reconciler.daemon.loop  # noqa: PLC0415
    import reconciler.engine.reconcile  # noqa: PLC0415
    from reconciler.engine.load import load  # noqa: PLC0415

    example = Path(reconciler.cli.main.__file__).parent.parent.parent / "manifests" / "production"
    load(str(example), now=0.0, allow_empty=False)  # compiles the schemas


def instrument(die: list[Any] | None, log: Path) -> None:
    """Notes every step of writing a file; dies before, after, or in the middle of the one that was named."""
    counts: dict[str, int] = {}

    def wrap(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **named: Any) -> Any:
            folder = name == "flush" and stat.S_ISDIR(os.fstat(arguments[0]).st_mode)
            kind = "flush-folder" if folder else name
            counts[kind] = counts.get(kind, 0) + 1
            with log.open("a") as file:
                file.write(f"{kind} {counts[kind]}\n")
            here = die is not None and [kind, counts[kind]] == die[1:]
            if here and die[0] == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            if here and die[0] == "torn":
                os.ftruncate(arguments[0], os.fstat(arguments[0]).st_size // 2)
                os.kill(os.getpid(), signal.SIGKILL)
            result = original(*arguments, **named)
            if here:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return step

    for kind, module, name in WRITING:
        setattr(module, name, wrap(kind, getattr(module, name)))


def child(order: dict[str, Any]) -> None:
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(source, target)
    os.environ.update(order["env"])
    sys.argv = ["reconciler", *order["argv"]]
    instrument(order["die"], Path(order["output"] + ".files"))
    from reconciler.__main__ import main  # noqa: PLC0415

    code: Any = 70
    try:
        main()
    except SystemExit as left:
        code = left.code or 0
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it was started deaf to Ctrl-C
    preload()
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            child(order)
        print(json.dumps({"pid": pid}), flush=True)  # noqa: T201 the protocol
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status)}), flush=True)  # noqa: T201


if __name__ == "__main__":
    serve()
