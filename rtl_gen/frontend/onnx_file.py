"""ONNX files to float networks."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

# Each declares the handlers of its operators.
from rtl_gen.errors import UsageError
from rtl_gen.frontend import layers, moving, pointwise, pools, quantized, resizing  # noqa: F401
from rtl_gen.frontend.graph import FloatNetwork, Host, Port
from rtl_gen.frontend.importer import FLOATS, WHOLE, Importer
from rtl_gen.frontend.normalise import normalise
from rtl_gen.frontend.source import load, opset_of, type_name
from rtl_gen.frontend.values import Refusal, Value, standard
from sw_ref.messages import printable, shorten

NAME = 80  # characters of a node's name that a refusal shows


def import_onnx(path: str | Path, *, shapes: Mapping[str, tuple[int, ...]] | None = None) -> FloatNetwork:
    """The float network of an ONNX file (opset 7 to the newest), normalised.

    `shapes`: sizes of inputs, batch first, where the file leaves them open.  A batch of any size is taken.

    Raises :class:`UsageError`: for a damaged file, an input of unknown size, and for all nodes at once that no
    operator of the integer network does; :class:`CheckError` if a library is not installed.
    """
    try:
        # Constants whose product float32 cannot hold make values infinite, which calibration refuses.
        with np.errstate(over="ignore", invalid="ignore"):
            return _imported(Path(path), dict(shapes or {}))
    except UsageError as error:
        # Names of a damaged file may hold anything.
        shown = printable(str(error))
        raise UsageError(shown, limit=len(shown)) from error


def _imported(path: Path, shapes: dict[str, tuple[int, ...]]) -> FloatNetwork:
    model = load(path)
    net = Importer(path.parent, opset_of(model))
    net.constants.add_tensors(model.graph)
    _take_inputs(net, model.graph, shapes)
    results = [output.name for output in model.graph.output]
    net.walk(model.graph.node, set(results))
    if net.refused:
        message = f"network {path} has nodes that cannot be run: {_refusals(net)}"
        raise UsageError(message, limit=len(message))
    return _finished(net, results, path)


def _take_inputs(net: Importer, graph: Any, given: dict[str, tuple[int, ...]]) -> None:
    made = {name for proto in graph.node for name in proto.output}
    ports = [port for port in graph.input if port.name not in net.constants and port.name not in made]
    unknown = set(given) - {port.name for port in ports}
    if unknown:
        names = ", ".join(port.name for port in ports)
        raise UsageError(f"a shape is given for {', '.join(sorted(unknown))}; allowed: inputs, here {names}")
    for position, port in enumerate(ports):
        shape = given.get(port.name) or _declared(port)
        kind = port.type.tensor_type.elem_type
        if kind not in (*FLOATS, *WHOLE) or math.prod(shape) > 1 << 28:
            shown = f"{type_name(kind)} of shape {list(shape)}"
            raise UsageError(f"input {port.name} is {shown}; allowed: real numbers, at most 2^28")
        batch = shape[0] if shape else 1
        if position and batch != net.batch:
            raise UsageError(f"input {port.name} has a batch of {batch}, others of {net.batch}; allowed: one for all")
        net.batch = batch
        try:
            size = standard(shape)
        except Refusal:
            # Something may bring it into a shape of ours; what reads it as it is will be refused.
            size = (math.prod(shape[1:]), 1, 1)
        net.shapes[port.name] = size
        net.ports[port.name] = Port(name=port.name, tensor=port.name, shape=shape[1:])
        net.values[port.name] = Value(name=port.name, tensor=port.name, shape=shape, whole=kind in WHOLE)


def _declared(port: Any) -> tuple[int, ...]:
    """The shape that the file gives an input; an open batch is 1."""
    kind = port.type.tensor_type
    dims = [item.dim_value if item.HasField("dim_value") else 0 for item in kind.shape.dim]
    if dims and not dims[0]:
        dims[0] = 1
    if not kind.HasField("shape") or min(dims, default=1) < 1:
        shown = [size or "?" for size in dims]
        raise UsageError(f"input {port.name} has shape {shown}; needed: a size for each axis, as --shape gives it")
    return tuple(dims)


def _refusals(net: Importer) -> str:
    """All refused nodes by name, those with the same reason together."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for op, label, reason in net.refused:
        kinds.setdefault((op, shorten(reason)), []).append(shorten(label, NAME))
    return "; ".join(f"{shorten(op, NAME)} {', '.join(labels)}: {reason}" for (op, reason), labels in kinds.items())


def _finished(net: Importer, results: list[str], path: Path) -> FloatNetwork:
    made = {name for node in net.host for name in node.outputs}
    needed = dict.fromkeys(name for node in net.host for name in node.inputs if name in net.values)
    needed |= dict.fromkeys(name for name in results if name in net.values)
    unknown = [name for name in results if not net.is_known(name)]
    if unknown:
        raise UsageError(f"network {path} has output {unknown[0]}, which nothing makes; allowed: a tensor of a node")
    if not needed:
        names = ", ".join(results) or "nothing"
        raise UsageError(f"network {path} gives only constants: {names}; allowed: an output that depends on an input")
    codes = [name for name in needed if net.values[name].codes is not None]
    if codes:
        raise UsageError(f"network {path} gives codes of a QuantizeLinear as {', '.join(codes)}; allowed: real numbers")
    outputs = tuple(_output(net, name) for name in needed)
    host = Host(
        nodes=tuple(node.proto for node in net.host),
        constants={n: net.constants[n] for node in net.host for n in node.inputs if n in net.constants},
        results=tuple(name for name in results if name in made or name in net.values),
        opset=net.opset,
    )
    notes = [f"{node.op} {node.label} is left to the host" for node in net.host]
    dead = [name for name in results if name not in made and name not in net.values]
    notes += [f"output {p.name} lacks the batch axis in the file; here it has one" for p in outputs if _bare(net, p)]
    notes += [f"output {name} is constant: left out" for name in dead]
    used = {port.tensor for port in outputs} | {name for node in net.nodes for name in node.inputs}
    network = FloatNetwork(
        nodes=tuple(net.nodes),
        shapes=net.shapes,
        inputs=tuple(port for port in net.ports.values() if port.tensor in used),
        outputs=outputs,
        host=host,
        notes=tuple(notes),
    )
    finished, dropped = normalise(network)
    return replace(finished, account=_account(net, finished, net.dropped | dropped))


def _output(net: Importer, name: str) -> Port:
    """An output of the network. Raises :class:`UsageError` if it mixes samples, or its function cannot be computed."""
    try:
        value = net.stored(net.values[name])
        size = math.prod(net.shapes[value.tensor])
        rows = net.rows(value)
        if value.shape[:1] != (net.batch,) and net.batch > 1:
            raise Refusal("it has no batch axis; needed: the batch axis first")
    except Refusal as refusal:
        raise UsageError(f"output {name} cannot be given: {refusal}") from refusal
    shape = value.shape[1:] if value.shape[:1] == (net.batch,) else value.shape
    index = None if np.array_equal(rows, np.arange(size)) else rows
    return Port(name=name, tensor=value.tensor, shape=tuple(shape), index=index)


def _bare(net: Importer, port: Port) -> bool:
    """Whether the file gives an output of one sample without its batch axis."""
    return net.values[port.name].shape == port.shape


def _account(net: Importer, network: FloatNetwork, dropped: set[str]) -> dict[str, str]:
    """The outcome of each node of the file; an error of this program if one has none."""
    account = {**net.account, **dict.fromkeys(dropped, "nothing")}
    account |= {source: node.name for node in network.nodes for source in node.sources}
    lost = [label for label, became in account.items() if became == "moved" and not net.may_move(label)]
    if lost:
        raise AssertionError(f"nodes {lost} were imported, but nothing stands for them")
    return account
