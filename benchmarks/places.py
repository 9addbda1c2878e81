"""Where a bench measures, and what was measured before: the same for all of them."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

from rtl_gen.errors import CheckError, UsageError
from rtl_gen.runner import Nowhere, Runner, add_place_options, check_place, runner, workers_of
from rtl_gen.store import Store

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "build/bench"
"""The folder of what was measured before."""


def run(bench: Callable[[argparse.Namespace], None], parser: argparse.ArgumentParser) -> int:
    """Run a bench with the options of every bench; its exit status, with a line for what stopped it.

    1: a measurement failed; 2: bad use.
    """
    parser.add_argument("--cached", action="store_true", help="measure nothing; write the results that are kept")
    add_place_options(parser)
    try:
        bench(parser.parse_args())
    except (UsageError, CheckError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    return 0


@contextmanager
def place(args: argparse.Namespace, contents: Mapping[str, bytes] | None = None) -> Iterator[Runner]:
    """The runner that the options ask for; `contents`: large inputs of units by their digest.

    Raises :class:`UsageError` for options that do not go together, or a scheduler that does not answer.
    """
    check_place(args)
    with kept() as store:
        if args.cached:
            yield Runner(store, Nowhere())
            return
        with runner(store, workers=workers_of(args), scheduler=args.scheduler, contents=contents) as running:
            yield running


@contextmanager
def kept() -> Iterator[Store]:
    """What was measured before.  Raises :class:`UsageError` if there is no folder for it."""
    try:
        KEPT.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{KEPT}: {error.strerror}; allowed: a folder that can be made") from error
    with closing(Store(KEPT / "results.sqlite")) as store:
        yield store
