"""Cells with weights: a trained layer, and the fixed weights of a bilinear resize."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sw_ref.model import StlqTensor
from sw_ref.network import Node
from sw_ref.train.activations import activations_of
from sw_ref.train.cells import Arithmetic, Grid
from sw_ref.train.codes import Rounded, sums
from sw_ref.train.layers import per_output, to_layout, to_outputs_first
from sw_ref.train.norms import gain_and_mean
from sw_ref.train.polish import polished
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A trained layer and the batch norm that is folded into it, if any.

    `gains` and `squares`: of its input, the gains and the mean squares, as its weights (O, I, *kernel) meet them: (O,
    I, 1, ..).  `means` (O,): of its output, without its own bias.  `free`: whether its output may have gains.
    """

    layer: nn.Module
    norm: nn.Module | None
    gains: NDArray[np.float64]
    squares: NDArray[np.float64]
    means: NDArray[np.float64]
    free: bool

    @property
    def quantizer(self) -> Words:
        """What makes words of its weights."""
        return self.layer.parametrizations["weight"][0]  # type: ignore[index, union-attr, return-value]

    def mean_gains(self) -> NDArray[np.float64]:
        """Of each output channel the factor that comes closest to the gains of its inputs: (O,)."""
        weight = to_outputs_first(self.layer.weight.detach(), self.quantizer.transposed_groups)  # type: ignore[union-attr, operator, arg-type]
        energy = np.square(weight.double().cpu().numpy()) * self.squares
        total, seen = (part.reshape(len(energy), -1).sum(axis=1) for part in (energy, energy * self.gains))
        return np.where(total > 0, seen / np.where(total > 0, total, 1.0), 1.0)


class Layer(Weighted):
    """A trained layer: its scales U move to where its multipliers are exact, and stay there; its words stay the same.

    What a channel is more or less than before is the gain of its output (see `sw_ref.network.gains`), if it may have
    one.  Its float weights, its bias and that of its batch norm are the model's own, and learn.  The gains and means of
    the norm stay as they are.
    """

    gain: Tensor
    mean: Tensor

    def __init__(self, stage: Stage, grid: Grid, trained: Trained, tile: tuple[int, int]) -> None:
        quantizer = trained.quantizer
        outputs = quantizer.tiling.shape[0]
        gain, mean = gain_and_mean(trained.norm, outputs)
        alive, scale = gain != 0, np.broadcast_to(quantizer.scale.double().cpu().numpy(), outputs)
        real = gain * scale * 2.0**-grid.fmt.unit_shift * grid.inputs[0][0] / grid.before[0]
        mean_gains = trained.mean_gains()
        super().__init__(stage, grid, np.where(alive, real * mean_gains, DEAD))
        self.trained, self.quantizer, self.tile = trained, quantizer, tile
        self.moved = np.where(alive, self.factors / np.where(alive, real, 1.0), 1.0)
        self.left = self.moved / mean_gains if trained.free else np.ones(outputs)
        self.fan_in = math.prod(quantizer.tiling.shape[1:])
        # Modules of the cell, so that its state holds theirs.
        self.layer, self.norm = trained.layer, trained.norm
        self.register_buffer("gain", torch.from_numpy(gain))
        self.register_buffer("mean", torch.from_numpy(mean * self.left))

    @torch.no_grad()
    def freeze(self) -> None:
        """Move the scales and the step to those of the network, and stop the learning of all that now stays."""
        quantizer, shape = self.quantizer, self.quantizer.tiling.shape
        original: Tensor = self.layer.parametrizations["weight"].original  # type: ignore[index, union-attr]
        moved, left = (torch.from_numpy(factors).to(original) for factors in (self.moved, self.left))
        quantizer.rescale(quantizer.scale * moved)
        original.mul_(per_output(moved, shape[:2], len(shape), quantizer.transposed_groups))
        for values in (getattr(self.layer, "bias", None), *self._of_norm("bias", "running_mean")):
            if values is not None:
                values.mul_(left)
        step, zero = self.grid.inputs[0]
        activations_of(self.stage.name, self.layer).fix(step, signed=zero > 0)
        for parameter in (*quantizer.parameters(), *self._of_norm("weight")):
            if isinstance(parameter, nn.Parameter):
                parameter.requires_grad_(False)

    def _of_norm(self, *names: str) -> list[Any]:
        return [getattr(self.norm, name, None) for name in names]

    def adapt(self, x: Tensor) -> None:
        """Move single words, and then the bias, so that the output for this input is close to the trained one."""
        quantizer, held = self.quantizer, self.integers().cpu().numpy()
        if not quantizer.method.literal:
            wide = (-1, *(1,) * (held.ndim - 1))
            target = held * self.trained.gains * (self.left / self.moved).reshape(wide)
            flags = quantizer.tiling.expand(quantizer.selection.cpu().numpy())
            made = polished(self.stage.options, held, target, flags, x.float().cpu().numpy(), self.grid.fmt)  # type: ignore[arg-type]
            self._take(torch.from_numpy(made), torch.from_numpy(made != held))
        self.align(x)

    def _take(self, words: Tensor, changed: Tensor) -> None:
        """Let the float weights stand for other words, where these have changed."""
        quantizer, shape = self.quantizer, self.quantizer.tiling.shape
        original: Tensor = self.layer.parametrizations["weight"].original  # type: ignore[index, union-attr]
        made, there = (to_layout(part, quantizer.transposed_groups).to(original.device) for part in (words, changed))
        unit = quantizer.scale * 2.0**-self.grid.fmt.unit_shift
        scaled = made * per_output(unit, shape[:2], len(shape), quantizer.transposed_groups)
        original.copy_(torch.where(there, scaled.to(original), original))

    def align(self, x: Tensor) -> None:
        """Let the bias take up what the mean of the output is off for this input, which `trained.means` is of."""
        wanted = torch.from_numpy(self.trained.means * self.left).to(self.mean.device)
        self._shift(self.means(x) - wanted)

    def settle(self, x: Tensor) -> None:
        """Take the means of the batch norm anew from an input."""
        if self.norm is not None:
            self._shift(self.means(x) - self.mean)

    def means(self, x: Tensor) -> Tensor:
        """The mean of each output channel for an input, before bias and norm: (O,)."""
        sums = self.sums(x).double().mean((0, 2, 3))
        return sums * self.quantizer.scale.double() * self._step() * self.gain.ne(0)

    def _step(self) -> float:
        return 2.0**-self.grid.fmt.unit_shift * self.grid.inputs[0][0]

    def _shift(self, means: Tensor) -> None:
        """The means of the output are so much higher: the norm, or else the bias, is to make up for it."""
        own = getattr(self.layer, "bias", None)
        if self.norm is not None:
            self.mean += means
            self.norm.running_mean.copy_(self.mean)  # type: ignore[operator, union-attr]
        elif own is not None:
            own -= means.to(own)

    def integers(self) -> Tensor:
        weight = to_outputs_first(self.layer.weight, self.quantizer.transposed_groups).double()  # type: ignore[arg-type]
        unit = self.quantizer.scale.double() * 2.0**-self.grid.fmt.unit_shift
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
