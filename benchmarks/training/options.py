"""The options of `python -m benchmarks.training`: without what training needs, so that help needs it neither."""

import argparse
from collections.abc import Sequence
from typing import NoReturn

from rtl_gen.runner import add_place_options

NAME = "benchmarks.training"
PROGRAM = f"python -m {NAME}"
README = "see benchmarks/training/README.md"


class Parser(argparse.ArgumentParser):
    """Raises ``ValueError`` instead of printing the whole usage."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(f"{message} (see `{self.prog} --help`)")


def run_parser(tasks: str = README, methods: str = README) -> Parser:
    """The options of a run; `tasks` and `methods`: which there are, for the help."""
    parser = Parser(
        prog=PROGRAM,
        description="Train one network of a task by one method. `campaign` as first word runs a grid of them.",
        epilog=f"example: {PROGRAM} --task enhance --bits 3 --act-bits 6 --ratio 0.15 --method stlq --out runs/a",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--task", required=True, help=tasks)
    add("--network", help="of the task (default: its first)")
    add("--method", default="stlq", help=f"{methods} (default: stlq)")
    add("--bits", type=int, default=3, help="bits of a word (default: 3)")
    add("--act-bits", type=int, default=6, help="bits of an activation (default: 6)")
    add("--residual-shift", type=int, default=2, help="k: the second word counts in steps of U * 2^-k (default: 2)")
    add("--ratio", type=float, default=0.15, help="share of two-word tiles, 0 to 1 (default: 0.15)")
    add("--tile", default="8x8", help="output x input channels (default: 8x8)")
    add("--seed", type=int, default=0, help="of the network's first weights and of the data (default: 0)")
    add("--pretrain-epochs", type=int, help="of the float network (default: the task's)")
    add("--epochs", type=int, help="of fine-tuning (default: the task's)")
    add("--rate", type=float, help="learning rate of fine-tuning (default: the task's)")
    add("--out", required=True, help="folder of the run's files")
    add("--floats", help="folder with the float networks of earlier runs (default: that of --out)")
    add("--resume", action="store_true", help="continue a run that was stopped")
    add("--device", default="cpu", help="cpu or cuda (default: cpu)")
    add("--threads", type=int, default=1, help="processor threads; the sums' rounding depends on it (default: 1)")
    return parser


def campaign_parser() -> Parser:
    """The parser of the command `campaign`, which adds its options itself."""
    return Parser(prog=f"{PROGRAM} campaign", allow_abbrev=False)


def add_campaign_options(parser: argparse.ArgumentParser, *, tasks: str = "", methods: str = "") -> None:
    """The options of a campaign; `tasks` and `methods`: all that there are."""
    add = parser.add_argument
    add("--out", default="benchmarks/training/results", help="folder of results (default: benchmarks/training/results)")
    add("--work", default="build/training", help="folder of checkpoints and models (default: build/training)")
    add("--tasks", default=tasks, help="(default: all)")
    add("--methods", default=methods, help="(default: all)")
    add("--ratios", default="0.15,0.05", help="of the methods that leave it open (default: 0.15,0.05)")
    add("--seeds", type=int, default=5, help="how many (default: 5)")
    add("--first-seed", type=int, default=0, help="(default: 0)")
    add("--epochs", type=int, help="of fine-tuning (default: each task's)")
    add("--pretrain-epochs", type=int, help="of the float networks (default: each task's)")
    add("--report", action="store_true", help="only tables and plots (default: of the present table's options)")
    add_place_options(parser)


def show_help(argv: Sequence[str]) -> None:
    """Print the help of a command, and end."""
    if argv[:1] != ["campaign"]:
        run_parser().parse_args(["--help"])
    parser = campaign_parser()
    add_campaign_options(parser)
    parser.parse_args(["--help"])
