"""Nodes of a network to jobs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw.engine.config import EngineConfig
from hw.engine.encoding import ADDRESS_BITS, JOB, Kind
from rtl_gen.compiler.channels import channel_parameters
from rtl_gen.compiler.loops import Loop, steps_of, trips_of, walk_of
from rtl_gen.compiler.program import Group, Job
from rtl_gen.errors import UsageError
from sw_ref.network import Conv, Linear, Network, Node
from sw_ref.windows import Window


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A tensor in the activation memory: position by position, the words of its channels side by side."""

    base: int
    shape: tuple[int, int, int]
    lanes: int

    @property
    def column(self) -> int:
        """Words from one position to the next in a row: those of all channels."""
        return -(-self.shape[0] // self.lanes)

    @property
    def row(self) -> int:
        """Words from one row to the next."""
        return self.shape[2] * self.column

    @property
    def words(self) -> int:
        return self.shape[1] * self.row


def lower(network: Network, config: EngineConfig) -> list[Job]:
    """The jobs of a network whose nodes are convolutions of one group, with or without a tensor to add.

    Raises :class:`UsageError` for what does not fit, or is not built yet.
    """
    places, pads = place(network, config)
    jobs = [_fill(zero, address) for zero, address in pads.items()]
    jobs += [job for name in network.inputs for job in _transfers(Kind.INPUT, name, places[name])]
    for node in network.nodes:
        jobs.append(_conv(network, node, places, pads[network.tensors[node.inputs[0]].zero], config))
    return jobs + [job for name in network.outputs for job in _transfers(Kind.OUTPUT, name, places[name])]


def place(network: Network, config: EngineConfig) -> tuple[dict[str, Placed], dict[int, int]]:
    """Where each tensor is, and the word of each zero point; one after the other."""
    zeros = sorted({info.zero for info in network.tensors.values()})
    pads = {zero: address for address, zero in enumerate(zeros)}
    end, places = len(pads), {}
    for name, info in network.tensors.items():
        places[name] = Placed(base=end, shape=info.shape, lanes=config.array.lanes)
        end += places[name].words
    if end > config.memory_words:
        raise UsageError(f"the network needs {end} words of activation memory; the engine has {config.memory_words}")
    return places, pads


def _job(layer: str, kind: Kind, loops: dict[str, Loop], groups: list[Group], **fields: int) -> Job:
    values = {**dict.fromkeys(JOB, 0), **trips_of(loops), **fields, "kind": int(kind)}
    return Job(layer=layer, fields=values, steps=steps_of(loops), groups=groups)


def _fill(zero: int, address: int) -> Job:
    return _job(f"zero point {zero}", Kind.FILL, {}, [Group(tiles=1)], address=address, fill=zero, width=1, height=1)


def _transfers(kind: Kind, name: str, tensor: Placed) -> list[Job]:
    """Codes in the order of the tensor's file: x, then y, then channel.

    The channels that do not fill a word have a job of their own. x of the address generator stands for the lane.
    """
    channels, height, width = tensor.shape
    whole, rest = divmod(channels, tensor.lanes)
    parts = [(words, lanes, at) for words, lanes, at in ((whole, tensor.lanes, 0), (1, rest, whole)) if words and lanes]
    jobs = []
    for words, lanes, first in parts:
        loops = {
            "pool_x": Loop(trips=width, address=tensor.column),
            "pool_y": Loop(trips=height, address=tensor.row),
            "x": Loop(trips=lanes, x=1),
            "y": Loop(trips=words, address=1),
        }
        fields = {"address": tensor.base + first, "width": tensor.lanes, "height": 1, "wait": 1}
        last = int((words, lanes, first) == parts[-1])
        jobs.append(_job(name, kind, loops, [Group(tiles=1)], last=last, **fields))
    return jobs


def _conv(network: Network, node: Node, places: dict[str, Placed], pad: int, config: EngineConfig) -> Job:
    options = node.options
    if not isinstance(options, (Conv, Linear)) or getattr(options, "groups", 1) != 1:
        raise UsageError(f"node {node.name} is {node.op}; allowed so far: conv and linear of one group")
    assert node.requantizer is not None
    source, target = places[node.inputs[0]], places[node.output]
    rows, columns = _windows(options, source.shape, node.weight_shape)
    loops = {
        "channel": Loop(trips=source.column, address=1),
        "kernel_x": Loop(trips=columns.taps, address=columns.dilation * source.column, x=columns.dilation),
        "kernel_y": Loop(trips=rows.taps, address=rows.dilation * source.row, y=rows.dilation),
        "x": Loop(trips=columns.outputs, address=columns.stride * source.column, x=columns.stride),
        "y": Loop(trips=rows.outputs, address=rows.stride * source.row, y=rows.stride),
        "group": Loop(trips=target.column),
    }
    groups = _groups(network, node, config)
    fields = {
        "wait": 1,
        "add_terms": _add_terms(groups),
        "address": (source.base + rows.origin * source.row + columns.origin * source.column) % (1 << ADDRESS_BITS),
        "x": columns.origin,
        "y": rows.origin,
        "width": source.shape[2],
        "height": source.shape[1],
        "pad_address": pad,
        "low": node.requantizer.low,
        "high": node.requantizer.high,
        **_walk("write", target, target),
    }
    if len(node.inputs) == 2:
        fields |= _walk("add", places[node.inputs[1]], target)
    return _job(node.name, Kind.CONV, loops, groups, **fields)


def _walk(stream: str, tensor: Placed, target: Placed) -> dict[str, int]:
    """How words are written, or those to add are read: x, y, group."""
    loops = [
        Loop(trips=target.shape[2], address=tensor.column),
        Loop(trips=target.shape[1], address=tensor.row),
        Loop(address=1),
    ]
    names = (f"{stream}_step_x", f"{stream}_step_y", f"{stream}_step_group")
    return {f"{stream}_address": tensor.base, **dict(zip(names, walk_of(loops), strict=True))}


def _windows(options: Any, shape: tuple[int, int, int], weights: tuple[int, ...]) -> tuple[Window, Window]:
    return (options if isinstance(options, Conv) else Conv()).windows(shape, weights)


def _add_terms(groups: list[Group]) -> int:
    """The steps that adding takes: of the channel that needs most."""
    return max(scale["add1"] + scale["add2"] for group in groups for scale in group.scales)


def _groups(network: Network, node: Node, config: EngineConfig) -> list[Group]:
    """The groups of a dense convolution: `pe` output channels each; tiles by row, column, then channels."""
    assert node.weights is not None
    pe, lanes = config.array.tile
    first, second = (_tiles(words, pe, lanes) for words in (node.weights.word1, node.weights.word2))
    flags = node.weights.two_word.reshape(*node.weights.two_word.shape[:2], -1)
    scales, offsets = _channels(network, node, config, len(first) * pe)
    terms = max(scale["add1"] + scale["add2"] for scale in scales)
    groups = []
    for index, (one, two) in enumerate(zip(first, second, strict=True)):
        two_word = np.ascontiguousarray(flags[index].T).reshape(-1)
        beats = len(two_word) + int(two_word.sum())
        if beats > config.group_beats:
            raise UsageError(f"node {node.name} has groups of {beats} beats; the engine has {config.group_beats}")
        groups.append(
            Group(
                tiles=len(two_word),
                idle=max(config.requant_steps * (1 + terms) - beats, 0),
                two_word=two_word,
                word1=one,
                word2=two,
                scales=scales[index * pe : (index + 1) * pe],
                offsets=offsets[index * pe : (index + 1) * pe],
            )
        )
    return groups


def _tiles(words: NDArray[np.int8], pe: int, lanes: int) -> NDArray[np.int8]:
    """Words (O, I, *kernel) as (groups, tiles, pe, lanes): by kernel position in C order, then input channels."""
    flat = words.reshape(*words.shape[:2], -1)
    outputs, inputs, taps = flat.shape
    padded = np.pad(flat, ((0, -outputs % pe), (0, -inputs % lanes), (0, 0)))
    split = padded.reshape(-1, pe, padded.shape[1] // lanes, lanes, taps)
    return np.ascontiguousarray(split.transpose(0, 4, 2, 1, 3)).reshape(len(split), -1, pe, lanes)


def _channels(network: Network, node: Node, config: EngineConfig, count: int) -> tuple[list[Any], list[Any]]:
    """The requantizer's parameters of all channels, and of those that fill up the last group."""
    requantizer = node.requantizer
    assert requantizer is not None
    zero = network.tensors[node.output].zero
    added = network.tensors[node.inputs[1]].zero if len(node.inputs) == 2 else 0
    scales, offsets = [], []
    for channel in range(count):
        real = channel < len(requantizer.bias)
        add = requantizer.add_multiplier if real else None
        try:
            scale, offset = channel_parameters(
                bias=int(requantizer.bias[channel]) if real else 0,
                multiplier=int(requantizer.multiplier[channel]) if real else 0,
                shift=int(requantizer.shift[channel]) if real else 0,
                add_multiplier=int(add[channel]) if add is not None else 0,
                zero=zero,
                added_zero=added,
                product_bits=config.product_bits,
            )
        except ValueError as error:
            raise UsageError(f"node {node.name}, channel {channel}: {error}") from error
        scales.append(scale)
        offsets.append(offset)
    return scales, offsets
