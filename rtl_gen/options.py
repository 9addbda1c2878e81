"""Options that several commands share; parameters become options from their one declaration."""

import argparse
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from rtl_gen.errors import UsageError
from sw_ref.format import Parameter, StlqFormat, parameters_of

DIGITS = 18
"""Most digits of a whole number."""
FILE, FOLDER = "a file that can be written", "a folder that can be made and written"


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
    if digits is None or len(digits[1]) > DIGITS:
        wrong = f"has more than {DIGITS} digits" if digits else "is not a whole number"
        raise argparse.ArgumentTypeError(f"{text!r} {wrong}" + (f"; allowed: {allowed}" if allowed else ""))
    return int(text)


def is_count(text: str) -> bool:
    """Whether a part of an option is a whole number from 1, in plain digits."""
    return re.fullmatch(rf"0*[1-9][0-9]{{0,{DIGITS - 1}}}", text) is not None


class _Whole(argparse.Action):
    """An option whose value is one of some whole numbers."""

    def __init__(self, option_strings: Sequence[str], dest: str, *, values: range, **rest: Any) -> None:
        self.values = values
        self.allowed = f"a whole number from {values[0]} to {values[-1]}"
        super().__init__(option_strings, dest, type=partial(whole_number, allowed=self.allowed), **rest)

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, value: Any, *_: Any) -> None:
        if value not in self.values:
            raise UsageError(f"{self.option_strings[0]} is {value}; allowed: {self.allowed}")
        setattr(namespace, self.dest, value)


def add_whole(
    parser: Any,
    option: str,
    values: range,
    default: int | None,
    *,
    help: str,
    shown: int | str | None = None,
) -> None:
    """An option for one of `values`, which its help and its errors tell; `shown`: the default in the help."""
    parser.add_argument(
        option,
        action=_Whole,
        values=values,
        default=default,
        metavar="N",
        help=f"{help}; {values[0]} to {values[-1]} (default: {default if shown is None else shown})",
    )


def add_seed(parser: argparse.ArgumentParser, of: str) -> None:
    """`--seed`: 31 bits, which every generator and placer takes."""
    add_whole(parser, "--seed", range(1 << 31), 1, help=f"seed of {of}")


def path(text: str) -> Path:
    """An option's file or folder."""
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no path; allowed: the name of a file or folder")
    return Path(text)


def number(text: str) -> float:
    """An option's real number, in plain digits; whoever uses it says whether it may be infinite or NaN."""
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?inf|nan", text, re.ASCII | re.IGNORECASE):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number; allowed: digits, with a point or an exponent")
    return float(text)


def exact(value: float) -> str:
    """The shortest text from which :func:`number` reads the same value.

    >>> exact(3.0), exact(123.456789), exact(1e-7)
    ('3', '123.456789', '1e-07')
    """
    return repr(value).removesuffix(".0")


def tile(text: str) -> tuple[int, int]:
    """``8x16`` as (8, 16).

    >>> tile("8x16")
    (8, 16)
    """
    match = re.fullmatch(r"([1-9]\d?)x([1-9]\d?)", text, re.ASCII)
    if match is None or max(sides := (int(match[1]), int(match[2]))) > 64:
        raise argparse.ArgumentTypeError(f"{text!r} is no tile; allowed: PExLANES from 1x1 to 64x64")
    return sides


def check_file(option: str, path: Path, kinds: Sequence[str], **inputs: Path | None) -> None:
    """Raises :class:`UsageError` for a file that is not of these `kinds`, as ``.npy``, or has no place.

    It has none where no file can be, or where one of the `inputs` is. Asked before any work is done for it.
    """
    if path.suffix.lower() not in kinds:
        raise UsageError(f"{option} is {path}; allowed: a name that ends in {' or '.join(kinds)}")
    if path.is_dir() or not path.parent.is_dir():
        raise UsageError(f"{option} is {path}; allowed: a file in a folder that exists")
    if path.exists() and not path.is_file():
        raise UsageError(f"{option} is {path}: not a regular file; allowed: {FILE}")
    if not can_hold(path.parent):
        raise UsageError(f"{option} is {path}; allowed: {FILE}")
    for name, given in inputs.items():
        if given is not None and given.exists() and path.exists() and path.samefile(given):
            raise UsageError(f"{option} is {path}: the {name} themselves; allowed: another file")


def check_folder(option: str, folder: Path) -> None:
    """Raises :class:`UsageError` for a folder that cannot hold results: before any work is done for them."""
    if not can_hold(folder):
        raise UsageError(f"{option} is {folder}; allowed: {FOLDER}")


def can_hold(folder: Path) -> bool:
    """Whether a folder can be written, or made where it is missing."""
    place = next(place for place in (folder, *folder.parents) if os.path.lexists(place))
    return place.is_dir() and os.access(place, os.W_OK | os.X_OK)


@contextmanager
def written(option: str, path: Path, allowed: str = FILE) -> Iterator[None]:
    """Name the option that asks for what cannot be written: a file, or a FOLDER and what in it is in the way.

    Raises :class:`UsageError`.
    """
    try:
        yield
    except OSError as error:
        reason, place = error.strerror or error, Path(error.filename or path)
        inside = f"{place.relative_to(path)}: " if path in place.parents else ""
        raise UsageError(f"{option} is {path}: {inside}{reason}; allowed: {allowed}") from error
