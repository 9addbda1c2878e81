"""Libraries that training needs beyond the package itself."""

import sys
from importlib.util import find_spec

from benchmarks.training.options import NAME, show_help

LIBRARIES = ("torch", "sklearn", "skimage", "matplotlib")


def check_command() -> None:
    """While Python looks for the package of the command: end it, status 2, with a line on what is missing.

    Its help needs none of them.  An import in a program fails as imports do.
    """
    ours = sys.argv[0] == "-m" and any(word.split(".")[:2] == ["benchmarks", "training"] for word in sys.orig_argv)
    missing = [name for name in LIBRARIES if find_spec(name) is None] if ours else []
    if missing and NAME in sys.orig_argv and {"-h", "--help"} & set(sys.argv):
        show_help(sys.argv[1:])
    if missing:
        install = 'pip install "stlq[train]", or ".[train]" in a clone'
        print(f"{NAME}: {', '.join(missing)} missing; to install: {install}", file=sys.stderr)
        raise SystemExit(2)
