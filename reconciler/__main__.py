"""Makes `python -P -m reconciler` the same as `reconciler`, and signals quiet from the first moment on."""

from __future__ import annotations

import os
import resource
import sys


def main() -> None:
    """The console entry; loading what it needs takes a tenth of a second, in which one may change one's mind."""
    if __name__ == "__main__" and not sys.flags.safe_path:
        sys.path.pop(0)  # the working directory: what lies in a checkout is not run
    from reconciler.cli import signals  # noqa: PLC0415 see above

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the key
    os.environ.pop("SSLKEYLOGFILE", None)  # whoever reads that file reads the key on its way
    arguments = sys.argv[1:]
    try:
        signals.catch(arguments)
        from reconciler.cli.main import main as run  # noqa: PLC0415 see above

        run(arguments)
    except KeyboardInterrupt:
        raise SystemExit(signals.interrupted(arguments)) from None


if __name__ == "__main__":
    main()
