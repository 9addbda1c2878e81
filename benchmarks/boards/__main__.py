"""Make the bitstream of a network of MLPerf Tiny for a board: convert, compile, synthesize, place and route."""

import argparse
import sys

from benchmarks.boards.plan import DESIGNS
from rtl_gen.errors import CheckError, UsageError
from rtl_gen.report import show


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.boards", description=__doc__)
    parser.add_argument("board", choices=DESIGNS, help="board")
    args = parser.parse_args()
    try:
        report = DESIGNS[args.board].make()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except CheckError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    show(report, as_json=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
