"""A layer of each task's network, with activations that it really gets, through the generated Verilog bit for bit."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from benchmarks.training.tasks import TASKS
from hw.config import ArrayConfig
from rtl_gen.generate import generate
from rtl_gen.simulator import simulate_tensor
from sw_ref.export import ExportedLayer
from sw_ref.train import finalize, prepare
from sw_ref.train.layers import evaluating
from verif.sw_ref.train.nets import FMT

# A convolution from the middle of each network: strided, plain, dilated.
LAYERS = [
    ("classify", "residual", "2.first.0"),
    ("classify", "separable", "2.0"),
    ("enhance", "unet", "down.1.0"),
    ("segment", "dilated", "encoder.2.0"),
]
VECTORS = 3


def patches(layer: ExportedLayer, codes: NDArray[Any], places: NDArray[Any]) -> NDArray[Any]:
    """What the layer reads at some output places (row, column) of the first sample: (places, I, kh, kw)."""
    (rows, columns), (high, wide) = layer.options["padding"], layer.options["dilation"]
    padded = np.pad(codes[0], ((0, 0), (rows, rows), (columns, columns)))
    height, width = layer.tensor.shape[2:]
    corners = places * layer.options["stride"]
    return np.stack(
        [padded[:, r : r + high * (height - 1) + 1 : high, c : c + wide * (width - 1) + 1 : wide] for r, c in corners]
    )


@pytest.mark.parametrize(("task", "network", "name"), LAYERS)
def test_a_layer_of_each_network(task: str, network: str, name: str, tmp_path: Path) -> None:
    model = TASKS[task].build(network, 1)
    inputs = next(iter(TASKS[task].batches(1, 0)))[0][:4]
    quantization = prepare(model, method="no-v", fmt=FMT, ratio=0.3, calibration=[inputs], tile=(4, 4))
    layer = finalize(model, quantization, inputs).layers[name]
    seen: list[torch.Tensor] = []

    def record(module: nn.Module, args: tuple[Any, ...]) -> None:
        seen.append(args[0])

    model.get_submodule(name).register_forward_pre_hook(record, prepend=True)
    with evaluating(model), torch.no_grad():
        model(inputs)
    quantizer: Any = model.get_submodule(name).act_quantizer
    codes = quantizer.codes(seen[0][:1]).numpy()
    sums = layer.sums(codes)[0]
    places = np.random.default_rng(1).integers(0, sums.shape[1:], (VECTORS, 2))
    config = ArrayConfig(format=layer.tensor.format, pe=4, lanes=4, depth=int(np.prod(layer.tensor.shape[1:])))
    outcome = simulate_tensor(generate(config, tmp_path), layer.tensor, patches(layer, codes, places))
    expected = np.stack([sums[:, row, column] for row, column in places])
    assert expected.shape == (VECTORS, layer.tensor.shape[0])
    assert np.any(expected)
    assert np.array_equal(outcome.sums, expected)
    assert layer.tensor.two_word.any()
    assert not layer.tensor.two_word.all()
