"""Cells with weights: a trained layer, and the fixed weights of a bilinear resize."""

import math
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.model import StlqTensor
from sw_ref.network import Node
from sw_ref.train.activations import activations_of
from sw_ref.train.cells import Arithmetic, Grid
from sw_ref.train.codes import Rounded, sums
from sw_ref.train.layers import to_outputs_first
from sw_ref.train.norms import gain_and_mean
from sw_ref.train.stages import Stage
from sw_ref.train.tensor import to_tensor
from sw_ref.train.weights import Words

FLOAT32 = 1 << 24
"""Whole numbers up to here are exact in float32."""
DEAD = 2.0**-8
"""The factor of a channel whose batch norm has the gain 0: its weights are 0, and only its bias counts."""


class Weighted(Arithmetic):
    """A stage with weights W, whole numbers (O, I, *kernel); `fan_in`: I * kernel."""

    fan_in: int

    def integers(self) -> Tensor:
        """W in float64."""
        raise NotImplementedError

    def sums(self, x: Tensor) -> Tensor:
        weight = self.integers()
        dtype = torch.float32 if self.sum_bound() < FLOAT32 and x.device.type == "cpu" else torch.float64
        return sums(self.stage.options, x.to(dtype), weight.to(dtype))  # type: ignore[arg-type]

    def sum_bound(self) -> int:
        return self.grid.fmt.weight_max * self.grid.fmt.act_max * self.fan_in

    def weight_sums(self) -> NDArray[np.float64]:
        return self.integers().detach().flatten(1).sum(1).cpu().numpy()


class Layer(Weighted):
    """A trained layer: its scales U move to where its multipliers are exact, and stay there.

    Its float weights, its bias and that of its batch norm are the model's own, and learn.  The gains and means of the
    norm stay as they are.
    """

    gain: Tensor
    mean: Tensor

    def __init__(
        self, stage: Stage, grid: Grid, layer: nn.Module, norm: nn.Module | None, tile: tuple[int, int]
    ) -> None:
        quantizer = layer.parametrizations["weight"][0]  # type: ignore[index, union-attr]
        assert isinstance(quantizer, Words)
        outputs = quantizer.tiling.shape[0]
        gain, mean = gain_and_mean(norm, outputs)
        scale = np.broadcast_to(quantizer.scale.double().cpu().numpy(), outputs)
        wanted = gain * scale * 2.0 ** -(grid.fmt.levels + grid.fmt.residual_shift) * grid.inputs[0][0] / grid.before[0]
        super().__init__(stage, grid, np.where(gain == 0, DEAD, wanted))
        self.layer, self.norm, self.quantizer, self.tile = layer, norm, quantizer, tile
        moved = np.where(gain == 0, 1.0, self.factors / np.where(gain == 0, 1.0, wanted))
        self.scale = torch.from_numpy((scale * moved).astype(np.float32))
        self.fan_in = math.prod(quantizer.tiling.shape[1:])
        self.register_buffer("gain", torch.from_numpy(gain))
        self.register_buffer("mean", torch.from_numpy(mean))

    def freeze(self) -> None:
        """Move the scales and the step to those of the network, and stop the learning of all that now stays."""
        self.quantizer.rescale(self.scale.to(self.quantizer.scale.device))
        step, zero = self.grid.inputs[0]
        activations_of(self.stage.name, self.layer).fix(step, signed=zero > 0)
        gains = [] if self.norm is None else [p for name, p in self.norm.named_parameters() if name == "weight"]
        for parameter in (*self.quantizer.parameters(), *gains):
            parameter.requires_grad_(False)

    def integers(self) -> Tensor:
        weight = to_outputs_first(self.layer.weight, self.quantizer.transposed_groups).double()  # type: ignore[arg-type]
        unit = self.quantizer.scale.double() * 2.0 ** -(self.grid.fmt.levels + self.grid.fmt.residual_shift)
        shape = (-1, *(1,) * (weight.ndim - 1))
        return Rounded.apply(weight / unit.reshape(shape)) * self.gain.ne(0).reshape(shape)

    def real_bias(self) -> Tensor:
        own, shift = (getattr(module, "bias", None) for module in (self.layer, self.norm))
        bias = (-self.mean if own is None else own.double() - self.mean) * self.gain
        return bias if shift is None else bias + shift.double()

    def words(self) -> StlqTensor:
        made = to_tensor(self.stage.name, self.layer, self.quantizer, self.grid.fmt, self.tile)
        dead = self.gain.eq(0).cpu().numpy()
        word1, word2 = made.word1.copy(), made.word2.copy()
        word1[dead], word2[dead] = 0, 0
        return replace(made, word1=word1, word2=word2, granularity="tile")


class Fixed(Weighted):
    """A node whose weights do not learn, as a bilinear resize has them."""

    held: Tensor

    def __init__(self, node: Node, grid: Grid) -> None:
        assert node.requantizer is not None
        assert node.weights is not None
        stage = Stage(name=node.name, options=node.options, inputs=node.inputs, output=node.output)
        super().__init__(stage, grid, node.requantizer.multiplier / 2.0**node.requantizer.shift)
        self.weights = node.weights
        self.fan_in = math.prod(node.weights.shape[1:])
        self.register_buffer("held", torch.from_numpy(node.weights.integers().astype(np.float64)))

    def integers(self) -> Tensor:
        return self.held

    def words(self) -> StlqTensor:
        return self.weights
