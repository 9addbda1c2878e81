"""The network file: safetensors, the graph in its metadata."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sw_ref.format import StlqFormat
from sw_ref.model import PARTS as WEIGHT_PARTS
from sw_ref.model import StlqTensor
from sw_ref.network.addition import Add
from sw_ref.network.convolution import Conv, ConvTranspose, Linear
from sw_ref.network.movement import Concat, Flatten, Pad, Permute, PixelShuffle, Resize, Slice
from sw_ref.network.network import Network, NetworkError, Node, TensorInfo
from sw_ref.network.operator import Arithmetic, Operator
from sw_ref.network.pooling import AveragePool, MaxPool
from sw_ref.network.requantizer import Requantizer
from sw_ref.tensorfile import TensorFile, TensorFileError, unique, write_tensors
from sw_ref.tiling import check_tile

SCHEMA, KIND = "1", "network"
KEYS = ("schema", "kind", "format", "tile", "tensors", "nodes", "inputs", "outputs")
ARITHMETIC: tuple[type[Operator], ...] = (Conv, Linear, ConvTranspose, AveragePool, Add)
MOVEMENT: tuple[type[Operator], ...] = (MaxPool, Concat, Resize, PixelShuffle, Pad, Slice, Permute, Flatten)
OPERATORS = {cls.op: cls for cls in (*ARITHMETIC, *MOVEMENT)}


def save_network(path: str | Path, network: Network) -> None:
    """Write a network, whole or not at all; the same network gives the same bytes.  Raises ``OSError``."""
    arrays = {}
    for node in network.nodes:
        if node.weights is not None:
            arrays |= {f"{node.name}.{part}": getattr(node.weights, part) for part in WEIGHT_PARTS}
        if node.requantizer is not None:
            arrays |= {f"{node.name}.{part}": array for part, array in node.requantizer.arrays().items()}
    values = {
        "format": network.format.to_dict(),
        "tile": network.tile,
        "tensors": {
            name: {"shape": info.shape, "step": info.step, "zero": info.zero} for name, info in network.tensors.items()
        },
        "nodes": [_node_to_dict(node) for node in network.nodes],
        "inputs": network.inputs,
        "outputs": network.outputs,
    }
    metadata = {key: json.dumps(value, separators=(",", ":")) for key, value in values.items()}
    write_tensors(path, arrays, {"schema": SCHEMA, "kind": KIND, **metadata})


def load_network(path: str | Path) -> Network:
    """Read a network.

    Raises :class:`NetworkError` for anything damaged or against a rule, ``OSError`` if it cannot be read.
    """
    try:
        file = TensorFile(path)
        values = _metadata(file.metadata)
        fmt = _build("format", values["format"], StlqFormat.from_dict)
        tile = _build("tile", values["tile"], check_tile)
        unread = set(file.entries)
        nodes = tuple(_node(file, entry, fmt, tile, unread) for entry in _list("nodes", values["nodes"]))
        if unread:
            raise NetworkError(f"{min(unread)}: is no array of a node")
        return Network(
            format=fmt,
            tile=tile,
            tensors=_tensors(values["tensors"]),
            nodes=nodes,
            inputs=_names("inputs", values["inputs"]),
            outputs=_names("outputs", values["outputs"]),
        )
    except TensorFileError as error:
        raise NetworkError(str(error)) from error


def _metadata(metadata: Mapping[str, str]) -> dict[str, Any]:
    if "kind" not in metadata:
        raise NetworkError("is no network in integers; allowed: what `stlq convert` writes")
    if set(metadata) != set(KEYS):
        raise NetworkError(f"metadata has {sorted(metadata)}; allowed: exactly {sorted(KEYS)}")
    for key, expected in (("schema", SCHEMA), ("kind", KIND)):
        if metadata[key] != expected:
            raise NetworkError(f"metadata {key} is {metadata[key]!r}; allowed: {expected!r}")
    values = {}
    for key in KEYS[2:]:
        try:
            values[key] = json.loads(metadata[key], object_pairs_hook=unique)
        except (ValueError, RecursionError) as error:
            raise NetworkError(f"metadata {key} is {metadata[key]!r:.200}: {error}") from error
    return values


def _build(what: str, value: Any, build: Callable[[Any], Any]) -> Any:
    try:
        return build(value)
    except (ValueError, TypeError) as error:
        raise NetworkError(f"{what}: {error}") from error


def _list(what: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise NetworkError(f"{what} is {value!r:.80}; allowed: a list")
    return value


def _names(what: str, value: Any) -> tuple[str, ...]:
    if not all(isinstance(name, str) for name in _list(what, value)):
        raise NetworkError(f"{what} is {value!r:.80}; allowed: a list of names")
    return tuple(value)


def _fields(what: str, value: Any, *keys: str) -> dict[str, Any]:
    if not isinstance(value, dict) or set(value) != set(keys):
        found = sorted(value) if isinstance(value, dict) else value
        raise NetworkError(f"{what} is {found!r:.200}; allowed: exactly {', '.join(keys)}")
    return value


def _tensors(value: Any) -> dict[str, TensorInfo]:
    if not isinstance(value, dict):
        raise NetworkError(f"tensors is {value!r:.80}; allowed: a dictionary")
    infos = {}
    for name, entry in value.items():
        fields = _fields(f"tensor {name}", entry, "shape", "step", "zero")
        shape, step = fields["shape"], fields["step"]
        fields["shape"] = tuple(shape) if isinstance(shape, list) else shape
        fields["step"] = float(step) if type(step) is int and abs(step) < 1 << 64 else step
        infos[name] = _build(f"tensor {name}", fields, lambda f: TensorInfo(**f))
    return infos


def _node_to_dict(node: Node) -> dict[str, Any]:
    options = node.options.to_dict()
    if node.requantizer is not None:
        options |= {"low": node.requantizer.low, "high": node.requantizer.high}
    return {"name": node.name, "op": node.op, "inputs": node.inputs, "output": node.output, "options": options}


def _node(file: TensorFile, entry: Any, fmt: StlqFormat, tile: tuple[int, int], unread: set[str]) -> Node:
    fields = _fields("node", entry, "name", "op", "inputs", "output", "options")
    name, op, options = fields["name"], fields["op"], fields["options"]
    _names("node name and output", [name, fields["output"]])
    what = f"node {name}"
    if not isinstance(op, str) or op not in OPERATORS:
        raise NetworkError(f"{what}: op is {op!r:.80}; allowed: {', '.join(OPERATORS)}")
    if not isinstance(options, dict):
        raise NetworkError(f"{what}: options are {options!r:.80}; allowed: a dictionary")
    cls = OPERATORS[op]
    limits = {key: options.pop(key) for key in ("low", "high") if key in options and issubclass(cls, Arithmetic)}

    def read(part: str) -> Any:
        if f"{name}.{part}" not in unread:
            raise NetworkError(f"{what}: {part} is missing")
        unread.remove(f"{name}.{part}")
        return file.read(f"{name}.{part}")

    weights = requantizer = None
    if cls.weight_axes:
        parts: dict[str, Any] = {part: read(part) for part in WEIGHT_PARTS}
        weights = _build(what, parts, lambda p: StlqTensor(**p, format=fmt, tile=tile))
    if issubclass(cls, Arithmetic):
        _fields(f"{what}: limits", limits, "low", "high")
        parts = {part: read(part) for part in ("bias", "multiplier", "shift")}
        parts |= {part: read(part) for part in ("add_multiplier", "table") if f"{name}.{part}" in unread}
        requantizer = _build(what, parts, lambda p: Requantizer(**p, **limits))
    return Node(
        name=name,
        inputs=_names(f"{what}: inputs", fields["inputs"]),
        output=fields["output"],
        options=_build(what, options, cls.from_dict),
        weights=weights,
        requantizer=requantizer,
    )
