"""The command `explore`: its options, and what it writes."""

import argparse
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw.engine.config import EngineConfig
from hw.engine.encoding import WINDOW
from rtl_gen import convert, tools
from rtl_gen.drawing import check_drawing
from rtl_gen.errors import UsageError
from rtl_gen.options import (
    FOLDER,
    add_parameter,
    add_seed,
    add_whole,
    check_folder,
    exact,
    number,
    path,
    whole_number,
    written,
)
from rtl_gen.pnr import PLACED
from rtl_gen.report import Report, progress
from rtl_gen.runner import Runner, add_place_options, check_place, place, workers_of
from rtl_gen.targets import TARGETS, Target
from rtl_gen.yosys import YOSYS
from sw_ref.files import digest_of, write_atomically
from sw_ref.format import StlqFormat, parameters_of
from sw_ref.messages import printable
from sw_ref.network import Conv

if TYPE_CHECKING:
    from rtl_gen.explore.exploration import Task
    from rtl_gen.explore.space import Space
    from rtl_gen.frontend.graph import FloatNode

SUMMARY = "search the engines that suit a network: accuracy against LUTs and speed, measured"
EXAMPLE = "stlq explore net.onnx --calibrate data.npz --target ecp5 --device 25k --out explored/"
STORE, FRONT, TABLE, PAGE = "results.sqlite", "front.json", "front.txt", "report.html"
NOT_TOLD = ("out", "plots", "workers", "scheduler", "json")
"""Options on which no result depends."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from rtl_gen.explore.space import add_space_options

    parser.add_argument("network", metavar="NET", type=path, help=".onnx, opset 7 to the newest")
    convert.add_data_options(parser)
    parser.add_argument("--target", choices=TARGETS, default="ecp5", help="technology (default: ecp5)")
    known = "; ".join(f"{name}: {', '.join(target.devices)}" for name, target in PLACED.items())
    parser.add_argument("--device", metavar="NAME", help=f"device for the clock; {known} (default: the first one)")
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--budget-luts", type=whole_number, metavar="N", help="most LUTs; 1 or more (default: the device's)"
    )
    limits.add_argument(
        "--min-accuracy", type=number, metavar="PERCENT", help="least accuracy, with --labels; 0 to 100 (default: none)"
    )
    add_whole(limits, "--engines", range(1, 1001), 24, help="engines to measure; more of them find better points")
    add_seed(parser, "the search")
    add_space_options(parser)
    fixed = parser.add_argument_group("the same for all points")
    for cls, name in ((StlqFormat, "residual_shift"), (EngineConfig, "bus_bits")):
        default = getattr(cls, name)
        add_parameter(fixed, name, parameters_of(cls)[name], None, default)
    group = parser.add_argument_group("where the work is done; results are the same")
    add_place_options(group)
    parser.add_argument(
        "--out",
        required=True,
        metavar="FOLDER",
        type=path,
        help=f"folder for {PAGE}, {FRONT}, {TABLE}, and {STORE} with all that was measured; made if missing",
    )
    parser.add_argument(
        "--plots",
        action="store_true",
        help="write the plots of the page as SVG, too, for papers (default: the page alone)",
    )


def run(args: argparse.Namespace) -> Report:
    from rtl_gen.explore.exploration import Exploration
    from rtl_gen.explore.front import content
    from rtl_gen.explore.plots import all_plots
    from rtl_gen.explore.space import space_of
    from rtl_gen.explore.suggest import check_library
    from rtl_gen.explore.text import report, table
    from rtl_gen.store import Store

    check(args)
    space = space_of(args)
    check_library()
    if args.plots:
        check_drawing()
    for program in (YOSYS, *([f"yowasp-nextpnr-{args.target}"] if _device(args) else [])):
        tools.find(program)
    task, contents = task_of(args, space)
    with (
        progress(f"exploring {args.network}; {args.out / TABLE} shows what is found"),
        place(workers=workers_of(args), scheduler=args.scheduler, contents=contents) as workplace,
    ):
        store = _store(args.out, Store)
        exploration = Exploration(task=task, runner=Runner(store, workplace))
        found: dict[str, Any] = {}
        for _ in exploration.rounds():
            found = content(exploration, network=args.network.name, command=command(args), convert=converting(args))
            _write(args.out, _texts(found, table(found, exploration)))
    store.close()
    if args.plots:
        _write(args.out, all_plots(found))
    return report(args.out, found, exploration)


def task_of(args: argparse.Namespace, space: "Space") -> tuple["Task", dict[str, bytes]]:
    """What the options ask for, and the contents that it names by digest."""
    from rtl_gen.explore.exploration import Task

    floats = convert.read_floats(_with_samples(args))
    inputs, contents = _inputs(args, floats)
    if args.depthwise is None and any(map(_is_depthwise, floats.network.nodes)):
        space = space.with_all("depthwise")
    return Task(inputs=inputs, space=space, **_settings(args)), contents


def check(args: argparse.Namespace) -> None:
    """Raise :class:`UsageError` for options that are out of range or do not go together."""
    given = [name for name in ("labels", "samples", "mean") if getattr(args, name) is not None]
    convert.check_data_options(_with_samples(args), given)
    _settings(args)
    if args.budget_luts is not None and args.budget_luts < 1:
        raise UsageError(f"--budget-luts is {args.budget_luts}; allowed: 1 or more")
    if args.min_accuracy is not None and not 0 <= args.min_accuracy <= 100:
        raise UsageError(f"--min-accuracy is {args.min_accuracy}; allowed: 0 to 100 %")
    if args.min_accuracy is not None and args.labels is None:
        raise UsageError("--min-accuracy is given without --labels; allowed: with the classes that it counts")
    check_place(args)
    if (told := command(args)) != printable(told):
        raise UsageError(f"the command is {printable(told)}; allowed: what can be printed, as results repeat it")
    check_folder("--out", args.out)


def _with_samples(args: argparse.Namespace) -> argparse.Namespace:
    """The options of `convert`, with its default."""
    samples = convert.DEFAULTS["samples"] if args.samples is None else args.samples
    return argparse.Namespace(**vars(args) | {"samples": samples})


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    """The fields of a task, but for inputs and space.  Raises :class:`UsageError`."""
    target, device = TARGETS[args.target], _device(args)
    return {
        "target": target,
        "device": device,
        "residual_shift": _or_default(args, StlqFormat, "residual_shift"),
        "bus_bits": _or_default(args, EngineConfig, "bus_bits"),
        "seed": args.seed,
        "engines": args.engines,
        "budget_luts": args.budget_luts or (target.devices[device].luts if device else None),
        "min_accuracy": None if args.min_accuracy is None else args.min_accuracy / 100,
    }


def command(args: argparse.Namespace) -> str:
    """The command that gives the same results, in a folder of its own."""
    options = [part for name in vars(args) if name not in (*NOT_TOLD, "network") for part in _option(args, name)]
    return shlex.join(["stlq", "explore", str(args.network), *options, "--out", "explored/"])


def converting(args: argparse.Namespace) -> str:
    """The part of `stlq convert` that all points share."""
    names = ("shape", "calibrate", "mean", "std", "samples", "labels", "residual_shift")
    return shlex.join(["stlq", "convert", str(args.network), *(part for name in names for part in _option(args, name))])


def _option(args: argparse.Namespace, name: str) -> list[str]:
    value, option = getattr(args, name), f"--{name.replace('_', '-')}"
    if value is None:
        return []
    if name == "shape":
        return [part for shape in value for part in (option, shape)]
    text = ",".join(map(exact, value)) if name in ("mean", "std") else str(value)
    if isinstance(value, tuple):
        from rtl_gen.explore.space import domains

        text = domains()[name].text(value)
    # What begins like an option is a value only where it is joined to its own.
    return [f"{option}={text}"] if text.startswith("-") else [option, text]


def _device(args: argparse.Namespace) -> str | None:
    """The device whose clock is asked for; None if nothing is placed for the target."""
    target: Target = TARGETS[args.target]
    if not target.devices and args.device is None:
        return None
    device = args.device if args.device is not None else next(iter(target.devices))
    if device not in target.devices:
        allowed = ", ".join(target.devices) or "none"
        raise UsageError(f"--device is {device!r}; allowed for {args.target}: {allowed}")
    return device


def _or_default(args: argparse.Namespace, cls: type, name: str) -> int:
    """A parameter of all points.  Raises :class:`UsageError` for a value that it does not take."""
    value, rule = getattr(args, name), parameters_of(cls)[name]
    if value is not None and not rule.accepts(value):
        raise UsageError(f"--{name.replace('_', '-')} is {value}; allowed: {rule.allowed}")
    return getattr(cls, name) if value is None else value


def _is_depthwise(node: "FloatNode") -> bool:
    """Whether a window before the array may serve it."""
    groups = node.options.groups if isinstance(node.options, Conv) else 1
    return 1 < groups == node.weight_shape[0] and node.weight_shape[2:] == (WINDOW, WINDOW)


def _inputs(args: argparse.Namespace, floats: convert.Floats) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The arguments of all units about the float network, and the contents that they name by digest."""
    from safetensors.numpy import save

    from rtl_gen.frontend.source import library

    model = library("onnx").load(str(args.network)).SerializeToString()  # with what other files hold of it
    parts = {"network": model, "data": save(floats.data)}
    if floats.labels is not None:
        parts["labels"] = save({"labels": floats.labels})
    contents = {digest_of(data): data for data in parts.values()}
    digests = {name: digest_of(data) for name, data in parts.items()}
    shapes = {name: list(sizes) for name, sizes in convert.shapes_of(args.shape or []).items()}
    return {"labels": None, **digests, "shapes": shapes, "samples": _with_samples(args).samples}, contents


def _store(folder: Path, kind: Any) -> Any:
    with written("--out", folder, FOLDER):
        folder.mkdir(parents=True, exist_ok=True)
    return kind(folder / STORE)


def _texts(found: Mapping[str, Any], table: str) -> dict[str, bytes]:
    from rtl_gen.explore.front import to_json
    from rtl_gen.explore.page import page

    return {FRONT: to_json(found).encode(), TABLE: table.encode(), PAGE: page(found).encode()}


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        with written("--out", folder, FOLDER):
            write_atomically(folder / name, data)
