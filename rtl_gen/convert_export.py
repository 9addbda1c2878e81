"""`convert` of a training export: its network in integers, taken out as it was measured."""

import argparse
import math
from collections.abc import Iterable
from pathlib import Path

from rtl_gen.convert_report import square_notes
from rtl_gen.errors import UsageError
from rtl_gen.options import written
from rtl_gen.report import Report, Table
from sw_ref.cost import cost
from sw_ref.export import load_export
from sw_ref.messages import printable
from sw_ref.network import Network, Node, save_network


def run_export(args: argparse.Namespace, given: Iterable[str]) -> Report:
    """Write the network of an export to --out.

    Raises :class:`UsageError` for any option that is `given`: training chose format, words and steps.
    """
    for name in given:
        option = "--" + name.replace("_", "-")
        raise UsageError(f"{option} is given for the export {args.network}; allowed: for a float network")
    network = read_integers(args.network)
    with written("--out", args.out):
        save_network(args.out, network)
    return report(args.out, network)


def read_integers(folder: Path) -> Network:
    """The network in integers of an export.  Raises :class:`UsageError` if there is none, with the reason."""
    try:
        export = load_export(folder)
    except (OSError, ValueError) as error:
        raise UsageError(f"network is {folder}: {printable(str(error))}; allowed: the folder of an export") from error
    if export.integers is None:
        reason = printable(export.refused or "it was written before there were any")
        raise UsageError(f"export {folder} holds no network in integers: {reason}", limit=len(reason) + 1000)
    return export.integers


def report(out: Path, network: Network) -> Report:
    """The rows of the report: one for each layer."""
    rows = [
        {
            "name": node.name,
            "op": node.op,
            "shape": list(node.weights.shape),
            "ratio": node.weights.two_word_ratio,
            "beats": cost(node.weights, uses=uses(network, node)).beats,
        }
        for node in network.nodes
        if node.weights is not None
    ]
    cycles = sum(row["beats"] for row in rows)
    columns = ("layer", "shape", "R %", "cycles")
    shown = [
        (row["name"], "x".join(map(str, row["shape"])), f"{100 * row['ratio']:.1f}", f"{row['beats']:,}")
        for row in rows
    ]
    notes = square_notes(network.tile)
    data = {
        "out": str(out),
        "format": network.format.to_dict(),
        "tile": list(network.tile),
        "layers": rows,
        "cycles": cycles,
        "notes": notes,
    }
    total = f"{cycles:,} array cycles per input; trained, not calibrated"
    return Report(data, [Table(f"{out}", columns, shown), *(f"note: {note}" for note in notes), total])


def uses(network: Network, node: Node) -> int:
    """How often each weight of a node is used per input of the network."""
    tensor = node.inputs[0] if node.op == "conv_transpose" else node.output
    return math.prod(network.tensors[tensor].shape[1:])
