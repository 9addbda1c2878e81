"""Options that several commands share; parameters become options from their one declaration."""

import argparse
import re
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from sw_ref.format import Parameter, StlqFormat, parameters_of


def add_parameter(group: Any, name: str, rule: Parameter, default: Any, shown: Any) -> None:
    """An option for an integer parameter; `shown` says the default in the help."""
    group.add_argument(
        f"--{name.replace('_', '-')}",
        type=partial(whole_number, allowed=rule.allowed),
        default=default,
        metavar="N",
        help=f"{rule.help}; {rule.span} {rule.unit} (default: {shown})",
    )


def add_format_options(parser: argparse.ArgumentParser) -> None:
    """The options of the number format."""
    group = parser.add_argument_group("number format")
    defaults = {f.name: f.default for f in fields(StlqFormat)}
    for name, rule in parameters_of(StlqFormat).items():
        if rule.values is not None:
            add_parameter(group, name, rule, defaults[name], defaults[name])
    group.add_argument("--act-unsigned", action="store_true", help="activations are unsigned (default: signed)")


def format_values(args: argparse.Namespace) -> dict[str, Any]:
    """The format's parameters as the options say them; not yet validated."""
    return {"bits": args.bits, "act_bits": args.act_bits, "act_signed": not args.act_unsigned} | {
        "residual_shift": args.residual_shift
    }


def whole_number(text: str, allowed: str = "") -> int:
    """An option's integer, in plain digits; `allowed` says in the message what it may be."""
    digits = re.fullmatch(r"[+-]?([0-9]+)", text)
    if digits is None or len(digits[1]) > 18:
        wrong = "has more than 18 digits" if digits else "is not a whole number"
        raise argparse.ArgumentTypeError(f"{text!r} {wrong}" + (f"; allowed: {allowed}" if allowed else ""))
    return int(text)


def path(text: str) -> Path:
    """An option's file or folder."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no path")
    return Path(text)


def number(text: str) -> float:
    """An option's real number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def tile(text: str) -> tuple[int, int]:
    """``8x16`` as (8, 16).

    >>> tile("8x16")
    (8, 16)
    """
    match = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", text, re.ASCII)
    if match is None or max(sides := (int(match[1]), int(match[2]))) > 64:
        raise argparse.ArgumentTypeError(f"{text!r} is no tile; allowed: PExLANES from 1x1 to 64x64")
    return sides
