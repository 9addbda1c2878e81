"""Steps that make every multiplier exact."""

import numpy as np
import pytest

from rtl_gen.frontend.calibrate import with_tables_apart
from rtl_gen.frontend.execute import Runner
from rtl_gen.frontend.onnx_file import import_onnx
from rtl_gen.frontend.scales import Scales, before, is_multiplier
from sw_ref.format import StlqFormat
from sw_ref.network.multiplier import MANTISSAS
from verif.rtl_gen.frontend.models import node

FMT = StlqFormat(act_bits=8, act_signed=False)


def weights(outputs, inputs, size=1, seed=0):
    return np.random.default_rng(seed).normal(size=(outputs, inputs, size, size)).astype(np.float32)


def scales_of(path):
    network = import_onnx(path)
    apart = with_tables_apart(network)
    port = network.inputs[0]
    inputs = {port.name: np.random.default_rng(0).normal(size=(8, *port.shape)).astype(np.float32)}
    samples = Runner(apart).tensors(inputs, apart.shapes)
    return network, Scales(network=network, samples=samples, fmt=FMT).search()


def test_mantissas():
    assert len(MANTISSAS) == 13
    assert MANTISSAS[0] == 1
    assert all(is_multiplier(m * 2.0**e) for m in MANTISSAS for e in (-9, 0, 3))
    assert not is_multiplier(1.3)
    assert is_multiplier(0.5, powers=True)
    assert not is_multiplier(1.5, powers=True)


def test_moved_codes_share_a_scale(make):
    path = make(
        [
            node("Conv", ["x", "a"], ["one"]),
            node("Conv", ["x", "b"], ["other"]),
            node("Relu", ["other"], ["positive"]),
            node("Concat", ["one", "positive"], ["both"], axis=1),
            node("MaxPool", ["both"], ["pooled"], kernel_shape=[2, 2]),
            node("Conv", ["pooled", "c"], ["y"]),
        ],
        {"a": weights(4, 4), "b": 5 * weights(4, 4, seed=1), "c": weights(3, 8)},
    )
    network, scales = scales_of(path)
    moved = {name for n in network.nodes if n.op in ("concat", "max_pool") for name in (*n.inputs, n.output)}
    assert len(moved) == 4
    assert len({scales[name] for name in moved}) == 1


def test_positive_tensors_have_zero_point_zero(make):
    path = make([node("Conv", ["x", "a"], ["s"]), node("Relu", ["s"], ["y"])], {"a": weights(4, 4)})
    network, scales = scales_of(path)
    assert scales[network.nodes[0].output][1] == 0
    assert 0 < scales["x"][1] < 255


@pytest.mark.parametrize("function", ["Relu", "Sigmoid"])
def test_sums_have_exact_multipliers(make, function):
    path = make(
        [
            node("Conv", ["x", "a"], ["s"]),
            node("Sigmoid", ["s"], ["t"]),
            node("Add", ["x", "t"], ["u"]),
            node(function, ["u"], ["v"]),
            node("Conv", ["v", "b"], ["w"]),
            node("Add", ["w", "t"], ["y"]),
        ],
        {"a": weights(4, 4), "b": weights(4, 4, seed=1)},
    )
    network, scales = scales_of(path)
    added = next(n for n in network.nodes if n.op == "add")
    steps = [scales[name][0] for name in added.inputs]
    assert is_multiplier(steps[0] / steps[1], powers=True)
    assert all(is_multiplier(step / scales[before(added)][0]) for step in steps)
    layer = next(n for n in network.nodes if n.op == "conv" and n.added)
    assert layer.added is not None
    assert is_multiplier(scales[layer.added][0] / scales[layer.output][0])


@pytest.mark.parametrize("kernel", [2, 3])
def test_averages_have_exact_multipliers(make, kernel):
    path = make([node("AveragePool", ["x"], ["y"], kernel_shape=[kernel, kernel])])
    network, scales = scales_of(path)
    (pool,) = network.nodes
    assert is_multiplier(scales[pool.inputs[0]][0] / kernel**2 / scales[pool.output][0])


def test_inputs_are_not_clipped(make):
    network, scales = scales_of(make([node("Conv", ["x", "a"], ["y"])], {"a": weights(4, 4)}))
    del network
    step, zero = scales["x"]
    values = np.random.default_rng(0).normal(size=(8, 4, 6, 5))
    assert step * (255 - zero) > values.max() - step
    assert -step * zero < values.min() + step
