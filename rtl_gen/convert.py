"""`convert`: a float network and calibration data to a network in integers, with a table of what each layer lost.

The folder of a training export holds such a network already.
"""

import argparse
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from rtl_gen.convert_export import run_export
from rtl_gen.convert_report import report, square_notes
from rtl_gen.data import guessed, load_data
from rtl_gen.errors import UsageError
from rtl_gen.generate import option_wording
from rtl_gen.labels import read_labels
from rtl_gen.options import add_parameter, check_file, is_count, number, path, tile, whole_number, written
from rtl_gen.report import Report, progress
from sw_ref.format import StlqFormat, parameters_of
from sw_ref.messages import counted, printable
from sw_ref.network import save_network
from sw_ref.tiling import Selection

SUMMARY = "turn a float network (.onnx), or a training's export, into a network in integers"
EXAMPLE = (
    "stlq convert net.onnx --calibrate data.npz --bits 3 --act-bits 8 --ratio 0.15 --tile 8x8 --out net.safetensors"
)
GUESSED = 32
DEFAULTS: dict[str, Any] = {
    "samples": 128,
    "ratio": 0.15,
    "budget": "layer",
    "tile": (8, 8),
    **{name: getattr(StlqFormat, name) for name, rule in parameters_of(StlqFormat).items() if rule.values is not None},
}
"""What options are that are not given."""

OTHERS = ("shape", "calibrate", "mean", "std", "labels", "picture")
"""What else may be given for a float network; an export has decided all of it."""

COMPARED = 1024
"""Most inputs that both networks are compared on."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "network", metavar="NET", type=path, help=".onnx, opset 7 to the newest, or the folder of a training's export"
    )
    parser.add_argument("--out", required=True, metavar="FILE", type=path, help="network to write (.safetensors)")
    add_data_options(parser)
    _add_word_options(parser)
    group = parser.add_argument_group("number format")
    for name, rule in parameters_of(StlqFormat).items():
        if rule.values is not None:
            add_parameter(group, name, rule, None, DEFAULTS[name])
    parser.add_argument(
        "--picture", metavar="FILE", type=path, help="plot of SQNR along the network, .png or .svg (default: none)"
    )


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """The options that :func:`read_floats` takes, but for the network itself."""
    parser.add_argument(
        "--shape", action="append", metavar="NAME=NxCxHxW", help="shape of an input; repeatable (default: the file's)"
    )
    data = parser.add_argument_group("calibration")
    data.add_argument(
        "--calibrate", metavar="DATA", type=path, help=".npy, .npz, or a folder of pictures (default: noise)"
    )
    data.add_argument(
        "--mean",
        type=numbers,
        metavar="M,..",
        help="mean of pictures in pixels, one or per channel; a folder of pictures needs it (default: none)",
    )
    data.add_argument(
        "--std", type=numbers, metavar="S,..", help="standard deviation of pictures, likewise (default: none)"
    )
    data.add_argument(
        "--samples",
        type=whole_number,
        metavar="N",
        help=f"most inputs that calibrate; 1 or more (default: {DEFAULTS['samples']})",
    )
    data.add_argument(
        "--labels",
        metavar="FILE",
        type=path,
        help=".npy of a class per input; shows the accuracy before and after (default: none)",
    )


def _add_word_options(parser: argparse.ArgumentParser) -> None:
    words = parser.add_argument_group("second words")
    words.add_argument(
        "--ratio", type=number, metavar="R", help="share of tiles with two words; 0 to 1 (default: 0.15)"
    )
    words.add_argument(
        "--budget",
        choices=("layer", "network"),
        help="use R in each layer, or spend the cycles of R where they save most in the network (default: layer)",
    )
    words.add_argument("--tile", type=tile, metavar="PExLANES", help="tile of the array; 1x1 to 64x64 (default: 8x8)")


def numbers(text: str) -> list[float]:
    """An option's real numbers, with commas between them."""
    return [number(part) for part in text.split(",")]


def run(args: argparse.Namespace) -> Report:
    given = [name for name in (*OTHERS, *DEFAULTS) if getattr(args, name) is not None]
    args = argparse.Namespace(**vars(args) | {name: DEFAULTS[name] for name in DEFAULTS if name not in given})
    _check(args, given)
    return run_export(args, given) if args.network.is_dir() else run_onnx(args)


def run_onnx(args: argparse.Namespace) -> Report:
    from rtl_gen.frontend.calibrate import convert
    from rtl_gen.frontend.execute import Runner
    from rtl_gen.frontend.integers import compare

    started = time.perf_counter()
    try:
        fmt = StlqFormat(bits=args.bits, act_bits=args.act_bits, act_signed=False, residual_shift=args.residual_shift)
    except ValueError as error:
        raise UsageError(option_wording(str(error))) from error
    floats = read_floats(args)
    network, data, notes = floats.network, floats.data, list(floats.notes)
    used = {name: array[: args.samples] for name, array in data.items()}
    with progress(f"converting {args.network}"):
        made = convert(network, used, fmt, tile=args.tile, ratio=args.ratio, budget=args.budget)
        agreement = compare(made.network, Runner(network), data, floats.labels)
    if made.samples < len(next(iter(used.values()))):
        notes.append(f"calibrated with the first {counted(made.samples, 'input')}: more do not fit into memory")
    with written("--out", args.out):
        save_network(args.out, made.network)
    if args.picture is not None:
        from rtl_gen.frontend.picture import draw_layers

        with written("--picture", args.picture):
            draw_layers(args.picture, made.layers)
    notes += [*square_notes(args.tile), *_notes(made.layers)]
    return report(args, fmt, made, agreement, [*map(printable, notes)], time.perf_counter() - started)


@dataclass(frozen=True, kw_only=True, eq=False)
class Floats:
    """A float network, inputs by name, a class for each of them if there are `labels`, and notes for the reader."""

    network: Any
    data: dict[str, Any]
    labels: Any
    notes: tuple[str, ...]


def read_floats(args: argparse.Namespace) -> Floats:
    """What `convert` is given: the network, and the inputs that it is calibrated with and compared on."""
    from rtl_gen.frontend.integers import classes_of
    from rtl_gen.frontend.onnx_file import import_onnx

    network = import_onnx(args.network, shapes=shapes_of(args.shape or []))
    shapes = {port.name: port.shape for port in network.inputs}
    notes = list(network.notes)
    if args.calibrate is None:
        data: dict[str, Any] = guessed(shapes, GUESSED)
        notes.append("no --calibrate: steps and words are guessed from normal random inputs; real ones will lose more")
    else:
        pixels = (args.mean, args.std) if args.mean and args.std else None
        data = load_data(args.calibrate, shapes, _most(args), pixels)
    labels = _labels(args, data, classes_of(network))
    return Floats(network=network, data=data, labels=labels, notes=tuple(notes))


def _check(args: argparse.Namespace, given: Collection[str]) -> None:
    check_file("--out", args.out, [".safetensors"])
    check_data_options(args, given)
    if args.picture is not None:
        from rtl_gen.frontend.picture import check_picture

        check_picture(args.picture)
    try:
        Selection(ratio=args.ratio)
    except ValueError as error:
        raise UsageError(option_wording(str(error))) from error


def check_data_options(args: argparse.Namespace, given: Collection[str]) -> None:
    """Raises :class:`UsageError` for options about inputs that do not go together."""
    if (args.mean is None) != (args.std is None):
        raise UsageError("of --mean and --std one is given; allowed: both or none")
    if args.samples < 1:
        raise UsageError(f"--samples is {args.samples}; allowed: 1 or more")
    for name in ("labels", "samples", "mean"):
        if name in given and args.calibrate is None:
            raise UsageError(f"--{name} is given without --calibrate; allowed: with the inputs that it is about")


def shapes_of(texts: list[str]) -> dict[str, tuple[int, ...]]:
    """``x=1x3x32x32`` by name."""
    found = {}
    for text in texts:
        name, _, sizes = text.rpartition("=")
        parts = sizes.split("x")
        if not name or not all(map(is_count, parts)):
            raise UsageError(f"--shape is {text!r}; allowed: NAME=NxCxHxW, whole numbers, 1 or more")
        if name in found:
            raise UsageError(f"--shape is {text!r}; allowed: one shape for {name}, which has one already")
        found[name] = tuple(map(int, parts))
    return found


def _labels(args: argparse.Namespace, data: dict[str, Any], classes: int) -> Any:
    if args.labels is None:
        return None
    if not classes:
        raise UsageError(f"--labels is {args.labels}; allowed: for a network whose first output is a vector of scores")
    inputs = len(next(iter(data.values())))
    return read_labels(args.labels, inputs=inputs, classes=classes, more=inputs == _most(args))


def _most(args: argparse.Namespace) -> int:
    """How many inputs are read: those for calibration, and those that both networks are compared on."""
    return max(COMPARED, args.samples)


def _notes(layers: Sequence[Any]) -> list[str]:
    """Notes for the reader of the table, on its layers."""
    notes = [f"{layer.name}: a multiplier is off by {100 * layer.off:.2g}%" for layer in layers if layer.off > 1e-6]
    scarce = ", ".join(layer.name for layer in layers if layer.scarce)
    return [*notes, *([f"more weights per output than calibration samples, more data help: {scarce}"] * bool(scarce))]
