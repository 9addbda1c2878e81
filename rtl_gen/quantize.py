"""`quantize`: trained weights to a quantized model, with a table of what each tensor lost and costs."""

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np

from rtl_gen.errors import UsageError
from rtl_gen.generate import option_wording
from rtl_gen.options import add_format_options, check_file, format_values, number, path, tile, written
from rtl_gen.quantize_report import report
from rtl_gen.report import Report, progress
from rtl_gen.weight_choice import choose, with_groups
from rtl_gen.weights import Weight, open_weights
from sw_ref.cost import cost
from sw_ref.format import StlqFormat
from sw_ref.model import StlqTensor, save_model
from sw_ref.quantize.tensor import SCALES, Quantizer
from sw_ref.tiling import GRANULARITIES

SUMMARY = "quantize trained weights (.npy, .npz, .safetensors, .onnx)"
EXAMPLE = "stlq quantize weights.safetensors --ratio 0.15 --tile 8x8 --bits 3 --out q.safetensors"
SCALE_NAMES = {name.replace("_", "-"): name for name in SCALES}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "weights", metavar="WEIGHTS", type=path, help="trained weights: .npy, .npz, .safetensors or .onnx"
    )
    parser.add_argument(
        "--out", required=True, metavar="FILE", type=path, help="quantized model to write (.safetensors)"
    )
    _add_choice_options(parser)
    _add_word_options(parser)
    _add_scale_options(parser)
    add_format_options(parser)
    # Told apart from the default, which --literal changes.
    parser.set_defaults(residual_shift=None)


def _add_choice_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose tensors."""
    parser.add_argument(
        "--tensor",
        action="append",
        metavar="NAME",
        help="quantize this tensor only; repeatable (default: all of 2 to 4 axes)",
    )
    parser.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out tensors whose names match, as in `head.*`; repeatable (default: none)",
    )
    parser.add_argument(
        "--groups",
        action="append",
        default=[],
        metavar="NAME=N",
        help="groups of a grouped or depthwise convolution; repeatable (default: as the file says, or 1)",
    )


def _add_word_options(parser: argparse.ArgumentParser) -> None:
    """Options that choose what gets two words."""
    second = parser.add_argument_group("second words").add_mutually_exclusive_group()
    second.add_argument(
        "--ratio",
        type=number,
        metavar="R",
        help="share of a tensor's tiles with two words, largest residuals (l2 norm) first; 0 to 1 (default: 0.15)",
    )
    second.add_argument(
        "--threshold",
        type=number,
        metavar="T",
        help="two words where the residual's l2 norm, in the weights' unit, exceeds T; 0 or more (default: by --ratio)",
    )
    parser.add_argument(
        "--tile", type=tile, default=(8, 8), metavar="PExLANES", help="tile of the array; 1x1 to 64x64 (default: 8x8)"
    )
    parser.add_argument(
        "--granularity",
        choices=GRANULARITIES,
        default="tile",
        help="weights that share one decision on second words (default: tile)",
    )


def _add_scale_options(parser: argparse.ArgumentParser) -> None:
    """Options that say how weights become words."""
    parser.add_argument(
        "--scale",
        choices=SCALE_NAMES,
        help="scale U: least squared error, maximum, or best power of two (default: search; max with --literal)",
    )
    parser.add_argument(
        "--per-channel", action="store_true", help="one scale per output channel (default: one per tensor)"
    )
    parser.add_argument(
        "--literal",
        action="store_true",
        help="the paper's formulas: no dead zone, rounding in the log domain, residual shift 0 (default: off)",
    )


def run(args: argparse.Namespace) -> Report:
    started = time.perf_counter()
    quantizer = _quantizer(args)
    check_file("--out", args.out, [".safetensors"], weights=args.weights)
    with open_weights(args.weights) as weights:
        chosen, notes = choose(with_groups(weights, args.groups), args)
        tensors, rows = _quantize_all(chosen, quantizer, args, notes)
    if not tensors:
        raise UsageError(f"weights file {args.weights} has no tensor that can be quantized: {notes[-1]}")
    with written("--out", args.out):
        save_model(args.out, tensors)
    return report(args, quantizer.fmt, rows, notes, time.perf_counter() - started)


def _quantize_all(
    chosen: list[Weight], quantizer: Quantizer, args: argparse.Namespace, notes: list[str]
) -> tuple[dict[str, StlqTensor], list[dict[str, Any]]]:
    """The quantized tensors by name, and a row of the table for each; `notes` says which are left out."""
    tensors, rows = {}, []
    for weight in chosen:
        with progress(f"quantizing {weight.name}"):
            try:
                tensors[weight.name], row = _quantize(weight, quantizer)
            except WeightError as error:
                asked = {option.rpartition("=")[0] for option in args.groups}
                if args.tensor or len(chosen) == 1 or weight.name in asked:
                    raise
                notes.append(f"left out: {error}")
                continue
        rows.append(row)
        notes += [f"{weight.name}: {note}" for note in (weight.note, row.pop("note")) if note]
    return tensors, rows


def _quantizer(args: argparse.Namespace) -> Quantizer:
    values = format_values(args)
    if args.literal and values["residual_shift"] not in (None, 0):
        raise UsageError(f"--residual-shift is {values['residual_shift']}; allowed with --literal: 0")
    if values["residual_shift"] is None:
        values["residual_shift"] = 0 if args.literal else StlqFormat.residual_shift
    choices = {name: getattr(args, name) for name in ("tile", "ratio", "threshold", "granularity", "per_channel")}
    scale = SCALE_NAMES[args.scale] if args.scale else None
    try:
        return Quantizer(fmt=StlqFormat(**values), scale=scale, literal=args.literal, **choices)
    except ValueError as error:
        raise UsageError(option_wording(str(error))) from error


class WeightError(UsageError):
    """One tensor that cannot be quantized, by its contents."""


def _quantize(weight: Weight, quantizer: Quantizer) -> tuple[StlqTensor, dict[str, Any]]:
    try:
        values = weight.load()
        tensor = replace(quantizer.quantize(values), groups=weight.groups or 1)
    except UsageError:
        raise
    except ValueError as error:
        raise WeightError(f"{weight.name}: {error}") from error
    error, signal = _energies(values, tensor)
    note = "" if values.any() else "all weights are zero; so are its words"
    if values.any() and error >= 0.25 * signal:
        share = f"error {100 * error / signal:.3g}%" if signal else "its squares vanish"
        note = f"the words hold little of it ({share}); is it within float32's range?"
    if weight.groups is None and tensor.shape[1] == 1 < tensor.shape[0] and len(tensor.shape) > 2:
        note = f"{note}; " if note else ""
        note += f"one input channel, counted as one group: if it is depthwise, --groups {weight.name}={tensor.shape[0]}"
    return tensor, {
        "name": weight.name,
        "groups": tensor.groups,
        "shape": list(tensor.shape),
        "error": error,
        "signal": signal,
        "note": note,
        "cost": cost(tensor),
    }


def _energies(values: Any, tensor: StlqTensor) -> tuple[float, float]:
    """Squared error and squared signal, in float64, one output channel after another to save memory."""
    held = tensor.dequantize()
    error = signal = 0.0
    for real, stood in zip(values, held, strict=True):
        exact = real.astype(np.float64)
        signal += float(np.square(exact).sum())
        error += float(np.square(exact - stood).sum())
    return error, signal
