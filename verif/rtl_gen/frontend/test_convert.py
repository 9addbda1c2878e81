"""From float networks to integers: close to float, exact multipliers, the same bytes, nothing lost."""

import re

import numpy as np
import pytest

from hw.config import ArrayConfig
from hw.engine.config import EngineConfig
from rtl_gen.cli import main
from rtl_gen.compiler.layers import layers_of
from rtl_gen.compiler.lower import compile_network
from rtl_gen.errors import UsageError
from rtl_gen.frontend import problem
from rtl_gen.frontend.calibrate import LARGEST, convert
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.function import Function
from rtl_gen.frontend.integers import compare, run_integers
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.frontend.requantize import requantizer
from sw_ref.format import StlqFormat
from sw_ref.grouped import Streamed
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
    "bounds alone": ([node("MaxPool", ["x"], ["m"], kernel_shape=[2, 2]), node("Relu", ["m"], ["y"])], {}),
    "table alone": ([node("Concat", ["x", "x"], ["c"], axis=1), node("HardSwish", ["c"], ["y"])], {}),
    "square": ([node("Mul", ["x", "x"], ["y"])], {}),
    "names of the runner's own": (
        [
            node("Conv", ["x", "w"], ["constant 0"]),
            node("Sigmoid", ["constant 0"], ["constant 0 conv 0"]),
            node("Conv", ["constant 0 conv 0", "w"], ["y"]),
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


def test_fewer_inputs_than_weights_with_large_means(make):
    nodes = [node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w"], ["y"])]
    network = import_onnx(make(nodes, {"w": weights(120, 10)}))
    inputs = {"x": (10 + np.random.default_rng(2).normal(scale=1e-2, size=(16, 4, 6, 5))).astype(np.float32)}
    made = convert(network, inputs, FMT, tile=(8, 8), ratio=1.0)
    assert made.layers[0].scarce
    # Codes are 0.04 apart, so that little of what varies is left of the inputs; the means are.
    wanted, found = Runner(network).outputs(inputs)["y"], run_integers(made.network, Runner(network), inputs)["y"]
    assert np.abs(found - wanted).max() < 0.03 * np.abs(wanted).max()


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


def test_what_multipliers_leave_goes_on_to_the_readers(make, monkeypatch):
    made, agreement, _network = converted(deep(make))
    assert max(layer.output_error for layer in made.layers) < 10**-2.8
    monkeypatch.setattr("sw_ref.network.gains.Gains.free", lambda self, tensor: False)
    _before, worse, _ = converted(deep(make))
    assert agreement.error < worse.error
    # Readers that do not make up for the gains are off by up to a tenth.
    monkeypatch.undo()
    monkeypatch.setattr("rtl_gen.frontend.convert.columns", lambda gains, weight, groups: np.ones((1, 1)))
    _, wrong, _ = converted(deep(make))
    assert wrong.error > 4 * agreement.error


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


def test_an_average_that_counts_no_padding(make):
    made, agreement, _ = converted(make([node("AveragePool", ["x"], ["y"], kernel_shape=[3, 3], pads=[1, 1, 1, 1])]))
    # Windows of 9, 6 and 4: a ninth and a sixth are no powers of two apart, so that one is off, and said to be.
    parameters = made.network.nodes[0].requantizer
    assert parameters is not None
    assert parameters.multiplier.shape == (3, 4)
    assert 0 < made.layers[0].off < 0.07
    assert -10 * np.log10(agreement.error) > 30


def test_a_sum_that_is_nothing_beside_what_is_added(make):
    nodes = [
        node("Conv", ["x", "a"], ["s"]),
        node("Mul", ["s", "tiny"], ["t"]),
        node("Conv", ["t", "b"], ["u"]),
        node("Add", ["u", "x"], ["y"]),
    ]
    constants = {"a": weights(4, 4, 1, 1), "b": weights(4, 4, 1, 1), "tiny": np.float32(1e-8)}
    made, agreement, _ = converted(make(nodes, constants))
    assert -10 * np.log10(agreement.error) > 30
    assert made.layers[-1].off == 1.0


def test_a_table_where_the_function_is_undefined(make):
    """Roots of codes below 0 are those of the nearest code that has one; infinity is the largest value."""
    nodes = [node("Conv", ["x", "w"], ["s"]), node("Abs", ["s"], ["t"]), node("Sqrt", ["t"], ["y"])]
    _, agreement, _ = converted(make(nodes, {"w": weights(4, 4, 1, 1)}))
    assert -10 * np.log10(agreement.error) > 22
    table = requantizer(
        np.ones(1), np.zeros(1), FMT, ((1.0, 2), (1.0, 0)), Function().then("Sqrt", 0).then("Reciprocal", 0)
    )[0].table
    assert table is not None
    assert table[:6].tolist() == [255, 255, 255, 1, 1, 1]


@pytest.mark.parametrize(
    ("nodes", "constants", "message"),
    [
        ([node("Identity", ["x"], ["y"])], {}, "computes nothing before its host's part"),
        ([node("Flatten", ["x"], ["f"]), node("Softmax", ["f"], ["y"])], {}, "computes nothing"),
        ([node("Conv", ["x", "w"], ["y"])], {"w": np.full((4, 4, 1, 1), 1e38)}, "goes from -inf to inf"),
        (
            [node("Conv", ["x", "w"], ["s"]), node("Clip", ["s", "low", "high"], ["y"])],
            {"w": np.full((4, 4, 1, 1), 1e38), "low": np.float32(0), "high": np.float32(6)},
            "its largest input, add up to 3",
        ),
        (
            [node("Clip", ["x", "low", "high"], ["s"]), node("Conv", ["s", "w"], ["y"])],
            {"w": np.full((4, 4, 1, 1), 3e37), "low": np.float32(0), "high": np.float32(1e-3)},
            "has a weight of magnitude 3e+37",
        ),
        (
            [node("Mul", ["x", "high"], ["s"]), node("Conv", ["s", "w"], ["y"])],
            {"w": np.full((4, 4, 1, 1), 1e30), "high": np.full((1, 4, 1, 1), 1e30)},
            "tensor y of the float network goes from",
        ),
        (
            [node("Conv", ["x", "w"], ["s"]), node("Conv", ["s", "w"], ["y"])],
            {"w": np.full((4, 4, 1, 1), 1e-22)},
            "so small that its step is",
        ),
        (
            [node("Conv", ["x", "w"], ["y"])],
            {"w": np.full((4, 4, 1, 1), 9.9e-30)},
            "has no weight above 9.9e-30; allowed: one of 1e-29 or more, or only zeros",
        ),
        # Folded, these products would all be 0, and so would what the network computes.
        (
            [node("Mul", ["x", "low"], ["s"]), node("Conv", ["s", "w"], ["y"])],
            {"w": np.full((4, 4, 1, 1), 1e-30), "low": np.float32(1e-30)},
            "its constants have products of at most 1e-60; needed: 1.18e-38, which float32 holds",
        ),
        (
            [node("Conv", ["x", "w"], ["s"]), node("Mul", ["s", "low"], ["y"])],
            {"w": np.full((4, 4, 1, 1), 1e-30), "low": np.full((1, 4, 1, 1), 1e-20)},
            "its constants have products of at most 1e-50",
        ),
        (
            [node("Mul", ["x", "low"], ["s"]), node("Mul", ["s", "low"], ["t"]), node("Abs", ["t"], ["y"])],
            {"low": np.full((1, 4, 1, 1), 1e-30)},
            "its constants have products of at most 1e-60",
        ),
        (
            [node("Mul", ["x", "low"], ["s"]), node("Mul", ["s", "w"], ["t"]), node("Mul", ["t", "w"], ["y"])],
            {"low": np.array([1, 2, 3, 4]).reshape(1, 4, 1, 1), "w": np.float32(1e-30)},
            "its constants have products of at most 1e-60",
        ),
        (
            [node("Conv", ["x", "w"], ["y"], pads=[100] * 4, group=4)],
            {"w": np.full((4, 1, 65, 64), 1.0)},
            "node y of the float network: its kernels have 4160 positions in each of 4 groups; allowed: 4096",
        ),
        ([node("Log", ["x"], ["y"])], {}, "tensor y of the float network goes from nan to nan"),
    ],
)
def test_refusals(make, nodes, constants, message):
    path = make(nodes, {name: array.astype(np.float32) for name, array in constants.items()})
    with pytest.raises(UsageError, match=re.escape(message)):
        converted(path)


def test_an_input_that_only_the_comparison_sees_is_infinite(make):
    made, _, network = converted(make([node("Conv", ["x", "w"], ["y"])], {"w": weights(4, 4, 1, 1)}))
    inputs = data(network)
    inputs["x"][5] = 3e38
    with pytest.raises(UsageError, match=r"^input 5 makes output y of the float network infinite or undefined; "):
        compare(made.network, Runner(network), inputs)


def extreme(make, peak):
    """A convolution whose output goes up to `peak`, and what there is to say of it: `made` and its agreement."""
    weight, nodes = np.random.default_rng(2).normal(size=(8, 4, 3, 3)), [node("Conv", ["x", "w"], ["y"])]
    network = import_onnx(make(nodes, {"w": weight.astype(np.float32)}))
    weight *= peak / float(np.abs(Runner(network).tensors(data(network), ["y"])["y"]).max())
    made, agreement, _ = converted(make(nodes, {"w": weight.astype(np.float32)}))
    return made, agreement


def test_the_largest_values_and_just_above(make):
    made, agreement = extreme(make, 0.9999 * LARGEST)
    assert -10 * np.log10(agreement.error) > 30
    assert np.isfinite([(tensor.step, tensor.zero) for tensor in made.network.tensors.values()]).all()
    with pytest.raises(UsageError, match=r"tensor y of the float network goes from .* allowed: numbers up to 1e\+37"):
        extreme(make, 1.0001 * LARGEST)


def test_large_and_small_values_have_the_same_words(make):
    """Weights times powers of two: steps are these times as large, and nothing else is different."""
    made = []
    for first, second in ((0, 0), (60, 50), (-70, -20)):
        nodes = [node("Conv", ["x", "a"], ["s"]), node("Relu", ["s"], ["t"]), node("Conv", ["t", "b"], ["y"])]
        random = np.random.default_rng(3)
        constants = {
            name: (random.normal(size=shape) * 2.0**power).astype(np.float32)
            for name, shape, power in (("a", (8, 4, 3, 3), first), ("b", (8, 8, 1, 1), second))
        }
        made.append((first + second, converted(make(nodes, constants), ratio=0.3)[0].network))
    (_, plain), *others = made
    for power, network in others:
        assert network.tensors["y"].step == plain.tensors["y"].step * 2.0**power
        for one, two in zip(plain.nodes, network.nodes, strict=True):
            assert one.weights is not None
            assert two.weights is not None
            assert np.array_equal(one.weights.integers(), two.weights.integers())
            assert np.array_equal(one.requantizer.multiplier, two.requantizer.multiplier)
            assert np.array_equal(one.requantizer.shift, two.requantizer.shift)
            assert np.array_equal(one.requantizer.bias, two.requantizer.bias)


@pytest.mark.parametrize(
    ("nodes", "shape"),
    [
        ([node("Flatten", ["x"], ["f"]), node("Gemm", ["f", "w"], ["y"])], (120, 10)),
        ([node("Conv", ["x", "w"], ["y"], group=2, pads=[1, 1, 1, 1])], (6, 2, 3, 3)),
        ([node("ConvTranspose", ["x", "w"], ["y"], strides=[2, 2])], (4, 6, 3, 3)),
    ],
)
def test_many_inputs_in_blocks(make, monkeypatch, nodes, shape):
    """With errors made up for in blocks the output is not as close, but its means are as right."""
    path = make(nodes, {"w": np.random.default_rng(4).normal(size=shape).astype(np.float32)})
    whole, agreement, network = converted(path)
    for name, count in (("WHOLE", 13), ("BLOCK", 8), ("ALIGNED", 1), ("TRIED", 99)):
        monkeypatch.setattr(problem, name, count)
    cut, nearly, _ = converted(path)
    first, second = (made.network.nodes[-1].weights for made in (whole, cut))
    assert first is not None
    assert second is not None
    assert not np.array_equal(first.word1, second.word1)
    assert agreement.error < nearly.error < 4 * agreement.error
    inputs = data(network)
    wanted = Runner(network).outputs(inputs)["y"]
    off = run_integers(cut.network, Runner(network), inputs)["y"] - wanted
    axes = (0, *range(2, off.ndim))
    assert np.abs(off.mean(axis=axes)).max() < 0.02 * wanted.std()


def test_the_end_of_memory_names_the_layer(make, monkeypatch, tmp_path, capsys):
    def full(*_):
        raise MemoryError("Unable to allocate 34 GiB")

    monkeypatch.setattr(problem.Spread, "of", full)
    path = make([node("Conv", ["x", "w"], ["y"], name="last")], {"w": weights(4, 4, 1, 1)})
    assert main(["convert", str(path), "--out", str(tmp_path / "made.safetensors")]) == 1
    assert capsys.readouterr().err == "stlq: out of memory: node last: Unable to allocate 34 GiB\n"
    assert not (tmp_path / "made.safetensors").exists()


@pytest.mark.parametrize(("tile", "budget"), [((8, 8), "network"), ((4, 4), "network"), ((8, 8), "layer")])
def test_beats_of_grouped_layers_are_those_of_the_engine(make, tile, budget):
    """Depthwise and grouped layers whose groups end inside tiles: the report's beats are the compiler's."""
    nodes = [
        node("Conv", ["x", "a"], ["s"], group=12, pads=[1, 1, 1, 1]),
        node("Relu", ["s"], ["t"]),
        node("Conv", ["t", "b"], ["u"], group=2),
        node("Relu", ["u"], ["v"]),
        node("Conv", ["v", "c"], ["y"], group=4, strides=[2, 2]),
    ]
    shapes = {"a": (12, 1, 3, 3), "b": (20, 6, 3, 3), "c": (24, 5, 1, 1)}
    path = make(nodes, {n: weights(*shape) for n, shape in shapes.items()}, inputs={"x": [1, 12, 6, 5]})
    network = import_onnx(path)
    made = convert(network, data(network), FMT, tile=tile, ratio=0.3, budget=budget)
    array = ArrayConfig(format=FMT, pe=tile[0], lanes=tile[1])
    config = EngineConfig(array=array, memory_words=1 << 12, group_beats=1 << 10)
    run = {layer.name: layer.beats for layer in layers_of(made.network, compile_network(made.network, config), config)}
    assert [layer.beats for layer in made.layers] == [run[layer.name] for layer in made.layers]
    plain = convert(network, data(network), FMT, tile=tile, ratio=0.0)
    tiles = sum(
        int(0.3 * Streamed.of(weight.shape, tile, weight.groups).count + 0.5) * count
        for weight, count in zip((n.weights for n in made.network.nodes), (30, 12, 4), strict=True)
        if weight is not None
    )
    spent = sum(layer.beats for layer in made.layers) - sum(layer.beats for layer in plain.layers)
    assert 0.5 * tiles < spent <= tiles


def test_a_grouped_layer_costs_the_tiles_that_the_array_streams(make):
    path = make([node("Conv", ["x", "w"], ["y"], group=4)], {"w": weights(8, 3, 1, 1)}, inputs={"x": [1, 12, 5, 5]})
    made, _, _ = converted(path, ratio=0.0)
    weight = made.network.nodes[0].weights
    assert weight is not None
    # 8 outputs x 12 inputs in 4 groups: two tiles, although the weight (8, 3) alone would make one.
    assert (weight.groups, made.layers[0].beats) == (4, 2 * 25)
