"""Write the page and the plots from what was recorded."""

import argparse

from benchmarks.frontier import arrays, page
from benchmarks.frontier.page import COMMAND


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--measure", action="store_true", help="first synthesize the arrays that no other bench has")
    if parser.parse_args().measure:
        arrays.measure()
    page.write(arrays.OWN.parent)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
