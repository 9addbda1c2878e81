"""Transistors that switch for a multiplication: each kind of weights on its array of gates, at work on real data.

The data are a convolution of the demo's network: its weights in each kind of numbers, and the codes of real images.
"""

import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from benchmarks.array.area import flow_of, verilog_of
from benchmarks.array.designs import Design
from benchmarks.array.results import origin, write
from benchmarks.frontier import switching
from benchmarks.frontier.arrays import (
    ACT_BITS,
    BITS,
    COMMAND,
    ENERGY,
    ROOT,
    SWITCHED,
    WORDS,
    Line,
    best,
    recorded,
    variants,
)
from rtl_gen.commands import Commands
from rtl_gen.errors import CheckError
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.manifest import Build, verilog_name
from rtl_gen.runner import Runner
from rtl_gen.simulator import simulation
from rtl_gen.testbench import Amounts
from rtl_gen.work import Work
from rtl_gen.yosys import YOSYS, Flow, netlist
from sw_ref.baseline import AnyBaseline
from sw_ref.baseline_tensor import BaselineTensor
from sw_ref.integer import dot
from sw_ref.model import StlqTensor
from sw_ref.network import execute, load_network, quantize

NETWORK, LAYER = ROOT / "demo/digits.onnx", "conv3"
IMAGES, VECTORS = 100, 4
"""Images that calibrate the codes, and activation vectors that are simulated."""
TARGET = "generic"
ABOUT = ("kind", "form", "choices")
"""What a line of results tells of an array."""
CLIPS = 24
"""Scales that are tried for each output channel, 1/8 octave apart."""
Tensor = StlqTensor | BaselineTensor


@dataclass(frozen=True, kw_only=True)
class Data:
    """The layer: its real weights, its words for each ratio, and activation codes (vectors, I, *kernel)."""

    weights: NDArray[np.float32]
    words: dict[float, StlqTensor]
    acts: NDArray[np.int64]

    def tensor(self, design: Design, ratio: float) -> tuple[Tensor, NDArray[np.int64]]:
        """The weights in a design's numbers, and the activations as they meet them."""
        if design.kind == WORDS:
            return self.words[ratio], self.acts
        fmt = cast(AnyBaseline, design.config.format)
        numbers = codes(in_order(self.weights), fmt)
        return BaselineTensor(word1=numbers, format=fmt, tile=design.config.tile), in_order(self.acts)


def in_order(array: NDArray[Any]) -> NDArray[Any]:
    """(n, I, *kernel) -> (n, inputs), in the order in which words are streamed: kernel positions, then channels."""
    return np.moveaxis(array, 1, -1).reshape(len(array), -1)


def codes(weights: NDArray[np.float32], fmt: AnyBaseline) -> NDArray[np.int16]:
    """The nearest codes (O, I), with the scale of least squared error for each output channel."""
    order = sorted(fmt.codes, key=fmt.weight)
    levels = np.array([fmt.weight(code) for code in order], float)
    found = np.empty(weights.shape, np.int16)
    for row, values in enumerate(weights.astype(float)):
        steps = np.abs(values).max() / levels.max() * 2.0 ** (-np.arange(CLIPS) / 8)
        nearest = [np.abs(values[:, None] / step - levels).argmin(axis=1) for step in steps]
        errors = [np.square(levels[near] * step - values).sum() for near, step in zip(nearest, steps, strict=True)]
        found[row] = np.array(order)[nearest[int(np.argmin(errors))]]
    return found


@cache
def data() -> Data:
    """Made from the demo's network with the commands that users have."""
    pixels, _ = load_digits(return_X_y=True)
    images = (pixels[:IMAGES] / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    words: dict[float, StlqTensor] = {}
    found = images.astype(np.int64)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        np.save(folder / "images.npy", images)
        for ratio in (ratio for kind, ratio in SWITCHED if kind == WORDS):
            options = ("--calibrate", folder / "images.npy", "--bits", BITS, "--act-bits", ACT_BITS, "--ratio", ratio)
            Commands()("convert", NETWORK, *options, "--out", folder / "network.safetensors")
            network = load_network(folder / "network.safetensors")
            node = next(node for node in network.nodes if node.name == LAYER)
            assert node.weights is not None
            words[ratio] = node.weights
            inputs = quantize(network, {network.inputs[0]: images})
            found = execute(network, inputs, keep=[node.inputs[0]])[node.inputs[0]].astype(np.int64)
    weights = next(node.weight for node in import_onnx(NETWORK).nodes if node.name == LAYER)
    assert weights is not None
    return Data(weights=weights, words=words, acts=windows(found[:VECTORS], weights.shape[2:]))


def windows(codes: NDArray[np.int64], kernel: tuple[int, ...]) -> NDArray[np.int64]:
    """What a kernel meets in the middle of each image: (n, I, *kernel) of (n, I, H, W)."""
    top, left = ((size - taps) // 2 for size, taps in zip(codes.shape[2:], kernel, strict=True))
    height, width = kernel
    return codes[:, :, top : top + height, left : left + width]


def measure(running: Runner) -> None:
    """Simulate the smallest array of each kind of weights, and write what switched; goes on where it was stopped."""
    lines = recorded()
    smallest = [(best(lines, kind, TARGET), ratio) for kind, ratio in SWITCHED]
    plan = [(line, ratio) for line, ratio in smallest if line]
    made = running.map(SWITCHING, [unit(line, ratio) for line, ratio in plan])
    found = [
        {**{name: line[name] for name in ABOUT}, "ratio": ratio, **result}
        for (line, ratio), result in zip(plan, made, strict=True)
        if result
    ]
    write({**origin(COMMAND, {"energy": found}, len(SWITCHED)), "energy": found}, ENERGY)


def unit(line: Line, ratio: float) -> dict[str, Any]:
    """The arguments that simulate a measured array."""
    about = {name: line[name] for name in ABOUT}
    return {**about, "ratio": ratio, "verilog": verilog_of(unsigned(**about))}


def switched(*, kind: str, form: str, choices: int, ratio: float, verilog: str) -> dict[str, Any]:
    """What switches in an array for each multiplication of the layer.  Raises :class:`CheckError` for wrong sums."""
    design = unsigned(kind, form, choices)
    gates = netlist(verilog, design.config.name, Flow(passes=flow_of(design, TARGET)))
    return simulate(design, gates, *data().tensor(design, ratio))


SWITCHING = Work(
    function=switched,
    sources=("benchmarks/frontier/energy.py", "benchmarks/frontier/switching.py", "rtl_gen/frontend", "sw_ref"),
    packages=(YOSYS,),
)


def unsigned(kind: str, form: str, choices: int) -> Design:
    """A design for the unsigned codes that networks have."""
    design = next(d for d in variants(kind) if (d.form, d.config.choices) == (form, choices))
    fmt = replace(cast(Any, design.config.format), act_signed=False)
    return replace(design, config=replace(design.config, format=fmt))


def simulate(design: Design, gates: str, tensor: Tensor, acts: NDArray[np.int64]) -> dict[str, Any]:
    """What switches in a netlist, for each multiplication of a layer.  Raises :class:`CheckError` for wrong sums."""
    config: Any = design.config
    with tempfile.TemporaryDirectory() as temporary:
        waves = Path(temporary) / "waves.vcd"
        build = Build(Path(temporary), config, gates + switching.CELLS, verilog_name(config))
        stream: Any = tensor
        amounts = Amounts.of(stream, len(acts), config.pixels)
        with simulation(build, amounts, waves=True) as run:
            outcome = run(stream, acts, waves=waves)
        with waves.open() as lines:
            switched = switching.count(lines)
    if wrong := int(np.count_nonzero(outcome.sums != golden(tensor, acts))):
        raise CheckError(f"{design.label}: {wrong} sums of the netlist are wrong; 0 are right")
    products = len(acts) * tensor.word1.size
    clock = switching.CLOCK_SWITCHES * switched.flip_flops * outcome.beats
    return {
        "products": products,
        "beats": outcome.beats,
        "flip_flops": switched.flip_flops,
        "logic": round(switched.all / products, 1),
        "settled": round(switched.settled / products, 1),
        "clock": round(clock / products, 1),
    }


def golden(tensor: Tensor, acts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The sums that are right: (vectors, O)."""
    return dot(tensor, acts) if isinstance(tensor, StlqTensor) else acts @ tensor.integers().T
