"""Write the page and the plots from what was recorded."""

import argparse

from benchmarks import places
from benchmarks.frontier import arrays, energy, page
from benchmarks.frontier.page import COMMAND


def main() -> int:
    parser = argparse.ArgumentParser(prog=COMMAND, description=__doc__)
    parser.add_argument("--measure", action="store_true", help="first measure what no other bench has")
    return places.run(bench, parser)


def bench(args: argparse.Namespace) -> None:
    if args.measure:
        with places.place(args) as running:
            arrays.measure(running)
            energy.measure(running)
    page.write(arrays.OWN.parent)


if __name__ == "__main__":
    raise SystemExit(main())
