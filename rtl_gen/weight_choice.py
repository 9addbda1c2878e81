"""The weights of a file that `quantize` takes, with the groups that the user gives, and why others are left out."""

import argparse
from dataclasses import replace
from fnmatch import fnmatchcase

from rtl_gen.errors import UsageError
from rtl_gen.options import is_count
from rtl_gen.weights import Weight


def with_groups(weights: list[Weight], options: list[str]) -> list[Weight]:
    """The weights with the groups that the user gives."""
    given: dict[str, int] = {}
    known = {weight.name: weight for weight in weights}
    for option in options:
        name, _, number = option.rpartition("=")
        if name not in known or not is_count(number):
            raise UsageError(f"--groups is {option!r}; allowed: NAME=N with N from 1 and NAME of {', '.join(known)}")
        said = known[name].groups
        if said not in (None, int(number)):
            raise UsageError(f"--groups is {option!r}; allowed: {said}, as the file says")
        if name in given:
            raise UsageError(f"--groups is {option!r}; allowed: one number for {name}, which has one already")
        given[name] = int(number)
    return [replace(weight, groups=given.get(weight.name, weight.groups)) for weight in weights]


def choose(weights: list[Weight], args: argparse.Namespace) -> tuple[list[Weight], list[str]]:
    """The tensors to quantize, and a note for each that is left out."""
    named = {weight.name: weight for weight in weights}
    if args.tensor:
        if args.exclude:
            raise UsageError("--exclude is given with --tensor; allowed: one of them")
        for option in args.groups:
            if option.rpartition("=")[0] not in args.tensor:
                raise UsageError(f"--groups is {option!r}; allowed with --tensor: NAME of {', '.join(args.tensor)}")
        for name in args.tensor:
            if name not in named:
                raise UsageError(
                    f"--tensor is {name!r}; allowed: {', '.join(named) or 'none, the file has no tensors'}"
                )
            if named[name].refusal:
                raise UsageError(f"--tensor is {name!r}: {named[name].refusal}; allowed: the weight of a layer")
        return [named[name] for name in dict.fromkeys(args.tensor)], []
    for pattern in args.exclude:
        if not any(fnmatchcase(name, pattern) for name in named):
            raise UsageError(f"--exclude is {pattern!r}; allowed: a pattern that matches one of {', '.join(named)}")
    excluded = {name: None for name in named if any(fnmatchcase(name, pattern) for pattern in args.exclude)}
    weights = [weight for weight in weights if weight.name not in excluded]
    notes = [f"left out, as asked: {', '.join(excluded)}"] if excluded else []
    if len(weights) == 1 and not weights[0].refusal:
        return weights, notes
    chosen = [weight for weight in weights if weight.axes >= 2 and not weight.refusal]
    refused = [f"{weight.name}: {weight.refusal}" for weight in weights if _refused(weight)]
    if not chosen:
        message = (
            f"weights file {args.weights} has no tensor of 2 to 4 axes among {len(weights)}; allowed: at least one"
        )
        raise UsageError("; ".join([message, *refused, *notes]))
    notes += [f"left out: {reason}" for reason in refused]
    left = [weight.name for weight in weights if not _refused(weight) and (weight.axes < 2 or weight.refusal)]
    return chosen, [*notes, *([f"left out, biases and other constants: {', '.join(left)}"] if left else [])]


def _refused(weight: Weight) -> bool:
    return bool(weight.refusal) and not weight.constant
