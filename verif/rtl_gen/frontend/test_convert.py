"""From float networks to integers: close to float, exact multipliers, the same bytes, nothing lost."""

import numpy as np
import pytest

from rtl_gen.frontend.calibrate import convert
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.integers import compare, run_integers
from rtl_gen.frontend.onnx_file import import_onnx
from sw_ref.format import StlqFormat
from sw_ref.network import save_network
from verif.rtl_gen.frontend.models import node

FMT = StlqFormat(bits=3, act_bits=8, act_signed=False)
RANDOM = np.random.default_rng(0)


def weights(*shape):
    return RANDOM.normal(size=shape).astype(np.float32)


def data(network, count=24):
    """Inputs that are smooth, as pictures are, so that neighbours are correlated."""
    random, port = np.random.default_rng(1), network.inputs[0]
    noise = random.normal(size=(count, *port.shape))
    return {port.name: (noise + 2 * random.normal(size=(count, *(1 for _ in port.shape)))).astype(np.float32)}


def converted(path, ratio=1.0, **options):
    network = import_onnx(path)
    inputs = data(network)
    made = convert(network, inputs, FMT, tile=(8, 8), ratio=ratio, **options)
    return made, compare(made.network, Runner(network), inputs), network


CASES = {
    "conv": ([node("Conv", ["x", "w", "b"], ["y"], pads=[1, 1, 1, 1], strides=[2, 1])], {"w": (8, 4, 3, 3), "b": (8,)}),
    "depthwise": ([node("Conv", ["x", "w"], ["y"], group=4, pads=[1, 1, 1, 1])], {"w": (4, 1, 3, 3)}),
    "groups": ([node("Conv", ["x", "w"], ["y"], group=2, dilations=[2, 2])], {"w": (6, 2, 2, 2)}),
    "transposed": (
        [node("ConvTranspose", ["x", "w", "b"], ["y"], strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])],
        {"w": (4, 6, 3, 3), "b": (6,)},
    ),
    "linear": ([node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w", "b"], ["y"])], {"w": (120, 10), "b": (10,)}),
    "shortcut": (
        [node("Conv", ["x", "w"], ["s"]), node("Add", ["s", "x"], ["t"]), node("Relu", ["t"], ["y"])],
        {"w": (4, 4, 1, 1)},
    ),
    "addition": (
        [
            node("Conv", ["x", "w"], ["s"]),
            node("Sigmoid", ["s"], ["t"]),
            node("Add", ["t", "x"], ["u"]),
            node("Tanh", ["u"], ["y"]),
        ],
        {"w": (4, 4, 1, 1)},
    ),
    "norm": (
        [
            node("Relu", ["x"], ["r"]),
            node("Mul", ["r", "m"], ["s"]),
            node("Add", ["s", "a"], ["t"]),
            node("Relu", ["t"], ["y"]),
        ],
        {"m": (1, 4, 1, 1), "a": (1, 4, 1, 1)},
    ),
    "average": ([node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], strides=[2, 2])], {}),
    "global": ([node("GlobalAveragePool", ["x"], ["y"])], {}),
    "hardswish": ([node("Conv", ["x", "w"], ["s"]), node("HardSwish", ["s"], ["y"])], {"w": (4, 4, 1, 1)}),
    "concat": (
        [
            node("Conv", ["x", "w"], ["s"]),
            node("Concat", ["s", "x"], ["c"], axis=1),
            node("MaxPool", ["c"], ["y"], kernel_shape=[2, 2]),
        ],
        {"w": (4, 4, 1, 1)},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_close_to_float_with_exact_multipliers(make, case):
    nodes, shapes = CASES[case]
    made, agreement, network = converted(make(nodes, {name: weights(*shape) for name, shape in shapes.items()}))
    assert [n.output for n in made.network.nodes] == [n.output for n in network.nodes]
    assert all(layer.off < 1e-6 for layer in made.layers)
    # Two words are exact to about 26 dB, one depthwise weight per channel with less.
    assert -10 * np.log10(agreement.error) > 22, agreement


def test_means_of_outputs_are_right(make):
    path = make([node("Conv", ["x", "w"], ["y"])], {"w": weights(8, 4, 3, 3)})
    made, _, network = converted(path, ratio=0.0)
    inputs = data(network)
    wanted, found = Runner(network).outputs(inputs)["y"], run_integers(made.network, Runner(network), inputs)["y"]
    step = made.network.tensors["y"].step
    assert np.abs((found - wanted).mean(axis=(0, 2, 3))).max() < 0.25 * step


def deep(make):
    """Three layers, the first with many positions, the last with one."""
    nodes = [
        node("Conv", ["x", "a"], ["s"], pads=[1, 1, 1, 1]),
        node("Relu", ["s"], ["t"]),
        node("Conv", ["t", "b"], ["u"], strides=[2, 2]),
        node("Relu", ["u"], ["v"]),
        node("GlobalAveragePool", ["v"], ["p"]),
        node("Flatten", ["p"], ["f"]),
        node("Gemm", ["f", "c"], ["y"]),
    ]
    random = np.random.default_rng(3)
    shapes = {"a": (16, 4, 3, 3), "b": (24, 16, 3, 3), "c": (24, 10)}
    return make(
        nodes, {n: random.normal(size=s).astype(np.float32) for n, s in shapes.items()}, inputs={"x": [1, 4, 9, 9]}
    )


def test_same_bytes(make, tmp_path):
    path = deep(make)
    for name in ("one", "two"):
        save_network(tmp_path / name, converted(path, ratio=0.15)[0].network)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_network_budget_takes_no_more_cycles(make):
    path = deep(make)
    layer, network = (converted(path, ratio=0.3, budget=budget)[0] for budget in ("layer", "network"))
    beats = [sum(report.beats for report in made.layers) for made in (layer, network)]
    assert beats[1] <= beats[0]
    assert {report.ratio for report in network.layers} != {report.ratio for report in layer.layers}


def test_more_words_are_closer(make):
    path = deep(make)
    errors = [converted(path, ratio=ratio)[1].error for ratio in (0.0, 0.3, 1.0)]
    assert errors[0] > errors[1] > errors[2]
