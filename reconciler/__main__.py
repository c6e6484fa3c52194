"""Makes `python -m reconciler` the same as `reconciler`, and Ctrl-C quiet from the first moment on."""

from __future__ import annotations

import sys


def main() -> None:
    """The console entry; loading what it needs takes a tenth of a second, in which one may change one's mind."""
    if __name__ == "__main__" and not sys.flags.safe_path:
        sys.path.pop(0)  # the working directory: what lies in a checkout is not run
    try:
        from reconciler.cli.main import main as run  # noqa: PLC0415 see above
    except KeyboardInterrupt:
        raise SystemExit(5) from None
    run()


if __name__ == "__main__":
    main()
