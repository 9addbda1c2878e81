"""What training needs beyond the package itself."""

import signal
import sys
from importlib.util import find_spec

LIBRARIES = ("torch", "sklearn", "skimage", "matplotlib")


def check_command() -> None:
    """While Python looks for the package of a command (`python -m`): end it, status 2, with a line on what is missing.

    An import in a program fails as imports do.  Until the command runs, Ctrl-C ends it without a word.
    """
    if sys.argv[0] != "-m":
        return
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        print(f'stlq train: {", ".join(missing)} missing; to install: pip install "stlq[train]"', file=sys.stderr)
        raise SystemExit(2)
